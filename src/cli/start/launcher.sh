#!/bin/sh
# Starts sluice with a small heap. These are flags that V8 takes only when it starts:
#  --max-semi-space-size=1   the young generation grows to 16 MiB otherwise, whatever little survives in it
#  --single-threaded-gc      collecting in other threads keeps memory of its own; the boards have one core or two
#  --expose-gc               so that what has come can be collected before it has grown old (host/node/memory/heap.ts)
# and glibc is told to keep one pool of free memory, not one a thread, and to give back what is large when it is free: it
# learns to keep it otherwise, and each check of a password (4 MiB) would leave as much behind.
# Measured on a 24 MiB update from a pipe, all written: peak RSS 51.8 MiB and 0.67 s of CPU time, where it is
# 53.8 MiB and 0.79 s with an optimizing compiler that is kept small.
# Without dirname: each program that is started takes a hundredth of a start.
case $0 in */*) self=$0 ;; *) self=./$0 ;; esac
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done
MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}
MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD_:-262144}
export MALLOC_ARENA_MAX MALLOC_MMAP_THRESHOLD_
exec "${SLUICE_NODE:-node}" --max-semi-space-size=1 --single-threaded-gc --expose-gc \
  "${self%/*}/sluice.js" "$@"
