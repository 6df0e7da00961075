#!/bin/sh
# First program of the ast2600 guest, in its initramfs: loads the drivers, mounts the SD card that carries the root
# (which of mmcblk0 and mmcblk1 it becomes differs from boot to boot), brings the network up and hands over to
# agent.sh. Words of the kernel command line: sluice.server=HOST:PORT.
/bin/busybox mkdir -p /run/bin /proc /sys /dev /root
/bin/busybox --install -s /run/bin
export PATH=/run/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

# mdio-aspeed stands before ftgmac100: without its MDIO bus the MAC finds no PHY and stays without a link.
for module in ofpart spi-nor spi-aspeed-smc jffs2 mdio-aspeed realtek ftgmac100 \
  gpio-aspeed gpio-regulator sdhci-of-aspeed mmc_block squashfs; do
  modprobe "$module" 2>/dev/null || echo "sluice-guest: no module $module"
done

# The cards come up in their own time and in either order; each is known by a file on it.
mount_card() {
  for card in /dev/mmcblk[0-9]; do
    [ -b "$card" ] && mount -t squashfs -o ro "$card" "$1" 2>/dev/null || continue
    [ -e "$1/$2" ] && return
    umount "$1"
  done
  return 1
}
tries=0
until { [ -e /root/sbin/agent ] || mount_card /root sbin/agent; } && mount_card /root/payload of-this-run; do
  tries=$((tries + 1))
  [ "$tries" -gt 150 ] && echo 'sluice-guest: the two SD cards are not there' && exec reboot -f
  sleep 0.1
done

for where in proc sys dev; do mount --move /$where /root/$where; done
mount -t tmpfs -o size=90% tmp /root/tmp
mount -t tmpfs run /root/run
ip link set lo up
for word in $(cat /root/proc/cmdline); do
  case $word in sluice.server=*) server=${word#*=} ;; esac
done

# Only one of the four MACs has a wire, and the link takes a moment.
tries=0
while :; do
  for mac in /sys/class/net/eth* /root/sys/class/net/eth*; do
    [ -e "$mac" ] || continue
    name=${mac##*/}
    ip addr add 10.0.2.15/24 dev "$name" 2>/dev/null
    ip link set "$name" up
    n=0
    while [ $n -lt 8 ]; do
      wget -q -O /root/run/hello "http://$server/hello" 2>/dev/null && break 3
      n=$((n + 1))
      sleep 0.25
    done
    ip addr flush dev "$name"
    ip link set "$name" down
  done
  tries=$((tries + 1))
  [ "$tries" -gt 5 ] && echo 'sluice-guest: no network' && exec reboot -f
done
echo "$server" > /root/run/server
exec switch_root /root /sbin/agent
