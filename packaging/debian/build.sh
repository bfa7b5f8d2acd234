#!/usr/bin/env bash
# Builds tardigrade_<version>_<architecture>.deb of this checkout: build.sh [folder to put it in]. Needs npm, Go and
# dpkg-deb. The package fits the major version of Node.js that builds it, as its SQLite addon is compiled for that.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/debian
out=$(realpath "${1:-.}")

version=$(node -p 'require("./package.json").version')
architecture=$(dpkg --print-architecture)
node_major=$(node -p 'process.versions.node.split(".")[0]')
DEB_ARCH=$architecture . scripts/host-packages.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
app=$root/usr/lib/tardigrade
install -d "$app" "$root/usr/bin" "$root/DEBIAN"

npm pack --silent --pack-destination "$work" >/dev/null
tar -xzf "$work/tardigrade-$version.tgz" -C "$app" --strip-components=1 --no-same-owner
cp package-lock.json "$app/"
addon=node_modules/better-sqlite3/build/Release/better_sqlite3.node
if [ -f "$addon" ]; then
  # Compiled for this checkout already, by the same Node.js, of the version that the lockfile says.
  (cd "$app" && npm ci --silent --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund)
  install -D "$addon" "$app/$addon"
else
  (cd "$app" && npm ci --silent --omit=dev --prefer-offline --no-audit --no-fund)
fi
(cd "$app" && node -e 'new (require("better-sqlite3"))(":memory:")')
# What serves nobody once it is compiled.
(cd "$app/node_modules/better-sqlite3" && rm -rf deps src binding.gyp && find build -type f ! -name better_sqlite3.node -delete && find build -type d -empty -delete)
rm -rf "$app/node_modules/.bin" "$app/node_modules/koffi/"{src,vendor,doc,cnoke.cjs} "$app/node_modules/@koromix/"*/musl_* "$app/package-lock.json"
# Addons for another runtime than Node.js, web pages, and what is for the packages' own authors.
rm -rf "$app"/node_modules/*/{prebuilds,docs,doc,test,tests,benchmarks,.github}
find "$app/node_modules" \( -name '.*' -o -name '*.html' \) -type f -delete
strip --strip-unneeded "$app/$addon" 2>/dev/null || true

find "$app/dist/prebuilt" -type f ! -name "*-$architecture-*" -delete

# What is of the system, not of the program.
mkdir -p "$root/usr/lib/systemd" "$root/usr/share/doc/tardigrade/examples" "$root/etc/tardigrade"
mv "$app/packaging/systemd" "$root/usr/lib/systemd/system"
mv "$app/docs"/* "$root/usr/share/doc/tardigrade/"
mv "$app/packaging/config.example.yaml" "$root/usr/share/doc/tardigrade/examples/"
mv "$app/README.md" "$app/SECURITY.md" "$root/usr/share/doc/tardigrade/"
mv "$app/CHANGELOG.md" "$root/usr/share/doc/tardigrade/"
printf 'tardigrade (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- The Tardigrade authors <tardigrade@localhost>  %s\n' "$version" "$(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")" \
  | gzip -9nc >"$root/usr/share/doc/tardigrade/changelog.gz"
install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/tardigrade"
cp "$here/copyright" "$root/usr/share/doc/tardigrade/copyright"
rm -rf "$app/packaging" "$app/docs" "$app/LICENSE" "$app/scripts"
cp "$here/config.yaml" "$root/etc/tardigrade/config.yaml"
ln -s ../lib/tardigrade/dist/cli/main.js "$root/usr/bin/tardigrade"

oldest=$([ "$node_major" = 20 ] && echo 20.18 || echo "$node_major~")
depends="nodejs (>= $oldest), nodejs (<< $((node_major + 1))~), libc6, libstdc++6, apt"
# util-linux is Essential.
for package in $packages; do [ "$package" = util-linux ] || depends="$depends, $package"; done
find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 755 "$app/dist/cli/main.js" "$app/dist/prebuilt/"*
chmod 600 "$root/etc/tardigrade/config.yaml"
sed -e "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@DEPENDS@/$depends/; s/@SIZE@/$(du -sk --apparent-size "$root" | cut -f1)/" "$here/control.in" >"$root/DEBIAN/control"
echo /etc/tardigrade/config.yaml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "$here/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
chmod 644 "$root/DEBIAN/"{control,conffiles,md5sums}
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/tardigrade_${version}_$architecture.deb" >/dev/null
echo "$out/tardigrade_${version}_$architecture.deb"
