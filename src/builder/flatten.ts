/**
 * Turns a built container into one file system, in the builder's guest. Most images stand on the managed base, whose
 * file system is made ahead: only the layers above it are laid over a copy. Any other is copied file by file, which
 * takes seconds under emulation.
 */

/** Of the managed base, in the builder's own image store. It is the one layer there (`src/assets/base.ts`). */
export const BASE_LAYER = '/var/lib/containers/storage/overlay/*/diff';

/** Of `$name`, in the shell's words. */
const PARENT = '${name%/*}';

/**
 * Defines `flatten <disk> <GiB> <mounted container>`, which leaves the file system mounted at /out.
 *
 * A layer is as overlayfs keeps it: a character device 0:0 for a name that is gone, `trusted.overlay.opaque` on a folder
 * that hides those below it. Names may hold anything but NUL.
 */
export const FLATTEN = String.raw`
# What the image of a mounted container consists of, a folder a line, the lowest first.
layers() {
  awk -v at="$1" '$2 == at && $3 == "overlay" { print $4 }' /proc/mounts | tr , '\n' | sed -n 's/^lowerdir=//p' | tr : '\n' | tac | xargs -r -n 1 readlink -f
}
lay() (
  cd "$1" || exit
  # What is of another kind than what is below takes its place, as a whole.
  find . -type d -print0 | xargs -0 -r sh -c 'for name; do if [ -L "/out/$name" ] || { [ -e "/out/$name" ] && [ ! -d "/out/$name" ]; }; then rm -f "/out/$name"; fi; done' - || exit
  find . ! -type d -print0 | xargs -0 -r sh -c 'for name; do if [ -d "/out/$name" ] && [ ! -L "/out/$name" ]; then rm -rf "/out/$name"; fi; done' - || exit
  find . -type c -print0 | xargs -0 -r stat --printf '%t:%T %n\0' | sed -z -n 's/^0:0 //p' >/var/gone || exit
  getfattr -R -P -h -m '^trusted[.]overlay[.]opaque$' . | sed -n 's/^# file: //p' | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g' | while IFS= read -r escaped; do printf '%b\0' "$escaped"; done >/var/opaque
  (cd /out && xargs -0 -r rm -rf -- </var/gone) || exit
  xargs -0 -r sh -c 'for name; do [ ! -d "/out/$name" ] || find "/out/$name" -mindepth 1 -delete || exit; done' - </var/opaque || exit
  # Not through links and into files that have other names below.
  cp -a --remove-destination . /out/ || exit
  (cd /out && xargs -0 -r rm -rf -- </var/gone && xargs -0 -r setfattr -h -x trusted.overlay.opaque -- </var/opaque) || exit
  # Folders are as old as they were.
  xargs -0 -r sh -c 'for name; do touch -r "${PARENT}" "/out/${PARENT}" || exit; done' - </var/gone
)
flatten() {
  layers "$3" >/var/layers || return
  if [ "$(head -n 1 /var/layers)" = "$(echo ${BASE_LAYER})" ]; then
    mount -t ext4 -o noatime "$1" /out && resize2fs "$1" "$2G" >/var/resized 2>&1 || { cat /var/resized; return 1; }
    for layer in $(tail -n +2 /var/layers); do lay "$layer" || return; done
  else
    mkfs.ext4 -q -F -O ^has_journal -m 0 -E lazy_itable_init=1,discard "$1" "$2G" && mount -t ext4 -o noatime "$1" /out && cp -a "$3/." /out/
  fi
}
`;
