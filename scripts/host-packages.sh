# The Debian packages a host needs, in one place: `. host-packages.sh` sets $packages (to serve), $build_packages (for a
# checkout, besides) and $kernel (looked up and unpacked by the service itself, never installed).
case "${DEB_ARCH:-$(uname -m)}" in
  x86_64|amd64) emulator="qemu-system-x86 seabios" kernel=linux-image-cloud-amd64 ;;
  aarch64|arm64) emulator="qemu-system-arm" kernel=linux-image-cloud-arm64 ;;
  *) echo "tardigrade: x86_64 or aarch64 is needed (this is ${DEB_ARCH:-$(uname -m)})" >&2; exit 1 ;;
esac
packages="$emulator qemu-utils mmdebstrap buildah nftables iproute2 kmod cpio lz4 xz-utils zstd e2fsprogs util-linux ca-certificates"
build_packages="golang-go"
