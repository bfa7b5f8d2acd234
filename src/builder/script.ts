/** What a build runs in the builder's guest. Nothing of it runs on the host. */

export const BUILDER_DEVICES = { root: '/dev/vda', output: '/dev/vdb' } as const;

/**
 * Run before the template is taken: buildah's code, its index and the base's files are then in the guest's page cache
 * of every build, which halves the time a build under emulation spends on the disk.
 */
export const WARM_SCRIPT = 'buildah images && find /var/lib/containers/storage/overlay/*/diff -type f -exec cat {} + >/dev/null';

/** Exit codes of the script beyond which the Dockerfile is not to blame. */
export const EXIT = { dockerfile: 10, output: 11 } as const;

const LAYER_NOTE = 'container image built';

/**
 * $1: size of the output file system in GiB. The image is squashed into one file system, which is what a MicroVM
 * boots; no layer is kept, as the clone and its disks go away with the build.
 */
export const BUILD_SCRIPT = `
set -u
mkfs.ext4 -q -F -O ^has_journal -m 0 -E lazy_itable_init=1,nodiscard ${BUILDER_DEVICES.output} "$1G" || exit ${EXIT.output}
mount -t ext4 -o noatime ${BUILDER_DEVICES.output} /out || exit ${EXIT.output}
cd /context
buildah build --isolation chroot --layers=false --pull=false --disable-compression --format docker \\
  --cap-add all --file Dockerfile --tag result . </dev/null || exit ${EXIT.dockerfile}
echo "${LAYER_NOTE}"
container=$(buildah from --pull=never result) || exit ${EXIT.output}
tree=$(buildah mount "$container") || exit ${EXIT.output}
cp -a "$tree/." /out/ || exit ${EXIT.output}
umount /out || exit ${EXIT.output}
`;

/** Prints what is known of the built image as JSON; `OCIv1.config` is the OCI image config. */
export const INSPECT_COMMAND = ['buildah', 'inspect', '--type', 'image', 'result'];
/** Prints the bytes used on the output disk. */
export const USED_SCRIPT = `mount -t ext4 -o ro ${BUILDER_DEVICES.output} /out && df --output=used -B1 /out | tail -n 1; umount /out`;
