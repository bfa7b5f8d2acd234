/** What a build runs in the builder's guest. Nothing of it runs on the host. */
import { BASE_LAYER, FLATTEN } from './flatten.js';

export const BUILDER_DEVICES = { root: '/dev/vda', output: '/dev/vdb', cache: '/dev/vdc' } as const;

/**
 * Run before the template is taken: buildah's code, its index and the base's files are then in the guest's page cache
 * of every build, which halves the time a build under emulation spends on the disk.
 */
export const WARM_SCRIPT = `buildah images && find ${BASE_LAYER} -type f -exec cat {} + >/dev/null`;

/** Exit codes of the script beyond which the Dockerfile is not to blame. */
export const EXIT = { dockerfile: 10, output: 11, cache: 12 } as const;

/** Where the script leaves what is known of the built image, as JSON; `OCIv1.config` is the OCI image config. */
const INSPECTED = '/var/result.json';

const LAYER_NOTE = 'container image built';

/**
 * $1: size of the output file system in GiB; $2: bytes of layers beyond which the cache begins anew. The output disk has
 * the managed base's file system. The image becomes one file system, which is what a MicroVM boots. Layers go to the cache disk, beside the base's, which
 * are the builder's own. A cache that cannot be mounted, after a build that was cut off say, is made anew. Whatever
 * becomes of the Dockerfile, the cache is whole on its disk when the script ends, or the script says it is not.
 */
export const BUILD_SCRIPT = `
set -u
fresh() {
  mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard ${BUILDER_DEVICES.cache} && mount -t ext4 -o noatime,discard ${BUILDER_DEVICES.cache} /cache
}
mkdir -p /cache
if ! { e2fsck -p ${BUILDER_DEVICES.cache} >/dev/null 2>&1 && mount -t ext4 -o noatime,discard ${BUILDER_DEVICES.cache} /cache 2>/dev/null; }; then
  fresh || exit ${EXIT.cache}
elif [ "$(df --output=used -B1 /cache | tail -n 1)" -gt "$2" ]; then
  umount /cache && fresh || exit ${EXIT.cache}
fi
cat >/var/storage.conf <<'CONF'
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/cache/storage"
[storage.options]
additionalimagestores = ["/var/lib/containers/storage"]
CONF
export CONTAINERS_STORAGE_CONF=/var/storage.conf
${FLATTEN}
build() {
  cd /context
  buildah build --isolation chroot --layers --pull=false --disable-compression --format docker \\
    --cap-add all --file Dockerfile --tag result . </dev/null || return ${EXIT.dockerfile}
  echo "${LAYER_NOTE}"
  buildah inspect --type image result >${INSPECTED} || return ${EXIT.output}
  container=$(buildah from --pull=never result) || return ${EXIT.output}
  tree=$(buildah mount "$container") || return ${EXIT.output}
  flatten ${BUILDER_DEVICES.output} "$1" "$tree" && umount /out || return ${EXIT.output}
}
build "$1"
code=$?
buildah rm --all >/dev/null 2>&1
cd / && umount /cache || exit ${EXIT.cache}
exit $code
`;

export const INSPECT_COMMAND = ['cat', INSPECTED];
/** Prints the bytes used on the output disk. */
export const USED_SCRIPT = `mount -t ext4 -o ro ${BUILDER_DEVICES.output} /out && df --output=used -B1 /out | tail -n 1; umount /out`;
