#!/bin/busybox sh
# The guest's first process: mounts the read-only root (vda) under a tmpfs, the program (vdb) at /opt/sluice and the
# host's folder (9p) at /host, runs /host/run and writes its exit code to /host/exit. busybox's programs come last in
# PATH, so that the real mtd-utils win.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r module; do $b insmod "/$module" || echo "guest: $module cannot be loaded"; done < /modules
$b mount -t squashfs -o ro /dev/vda /below
$b mount -t tmpfs -o mode=755 above /above
$b mkdir /above/files /above/work
$b mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work root /root
cd /root || exit
for each in proc sys dev; do $b mount --move /$each /root/$each; done
$b mount -t tmpfs tmp tmp
$b mount -t tmpfs run run
$b mount -t debugfs debug sys/kernel/debug
$b mount -t tracefs trace sys/kernel/tracing
$b mount -t squashfs -o ro /root/dev/vdb opt/sluice
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 host host
$b mkdir run/busybox
$b chroot /root $b --install -s /run/busybox
export PATH=$PATH:/run/busybox HOME=/tmp
$b ip link set lo up
if [ -e /root/sys/class/net/eth0 ]; then
  $b ip addr add 10.0.2.15/24 dev eth0
  $b ip link set eth0 up
fi
echo ready > host/ready
$b chroot /root $b sh -c 'cd /tmp; exec sh /host/run'
echo $? > host/exit
$b sync
$b poweroff -f
