#!/bin/sh
# Adds a layer to an OCI layout: a Debian root, or packages in one. As root, in mount and PID namespaces of its own, so that nothing it
# mounts or starts is left. debian_image.py says what with.
# usage: debian_stage.sh LAYOUT FROM TO SOURCES MIRROR SUITE [PACKAGE…]
#   FROM      the tag to start at; "" for an image of nothing, into which SUITE is put from MIRROR
#   SOURCES   a sources.list, where packages come from
set -eu
layout=$1 from=$2 to=$3 sources=$4 mirror=$5 suite=$6
shift 6

# dpkg syncs each file that it writes: that is to cost nothing.
mount -t tmpfs -o size=4g,mode=755 tmpfs /mnt
root=/mnt/bundle/rootfs

if [ -z "$from" ]; then
  umoci init --layout "$layout"
  umoci new --image "$layout:empty"
fi
umoci unpack --image "$layout:${from:-empty}" /mnt/bundle
if [ -z "$from" ]; then
  debootstrap --variant=minbase "$suite" "$root" "$mirror"
else
  mount -t proc proc "$root/proc"
  # apt is the host's, with its proxies and certificates; dpkg is the image's.
  apt() {
    apt-get -q -y -o Dir="$root" -o DPkg::Chroot-Directory="$root" -o Dir::State::status="$root/var/lib/dpkg/status" \
      -o Dir::Etc::SourceList="$sources" -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root "$@"
  }
  apt update
  DEBIAN_FRONTEND=noninteractive apt install --no-install-recommends "$@"
  # As is the custom in images; what the layer below had of it is whited out.
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb
  umount "$root/proc"
fi
umoci repack --image "$layout:$to" /mnt/bundle
