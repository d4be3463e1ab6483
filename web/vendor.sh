#!/bin/sh
# Refreshes web/vendor from npm and verifies it against vendor/SHA256SUMS.
#
#   web/vendor.sh           fetch the pinned versions, fail on any other content
#   web/vendor.sh --update  after changing a version below: accept the new content
#
# The files are npm's, byte for byte. Needs npm, tar and sha256sum; nothing of
# this runs when mwm is built or used.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
vendor=$here/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # package version
	dir=$work/$(echo "$1" | tr '@/' '__')
	mkdir -p "$dir"
	(cd "$dir" && npm pack --silent "$1@$2" >/dev/null && tar -xzf ./*.tgz)
}

take() { # file-in-package file-in-vendor
	cp "$dir/package/$1" "$work/out/$2"
	chmod 644 "$work/out/$2"
}

mkdir -p "$work/out"

fetch jquery 4.0.0
take dist-module/jquery.slim.module.min.js jquery.js
take LICENSE.txt jquery.LICENSE.txt

fetch leaflet 1.9.4
take dist/leaflet.js leaflet.js
take dist/leaflet.css leaflet.css
take LICENSE leaflet.LICENSE.txt

fetch @fontsource-variable/atkinson-hyperlegible-next 5.3.0
take files/atkinson-hyperlegible-next-latin-wght-normal.woff2 atkinson-next.woff2
take LICENSE atkinson-next.LICENSE.txt

# The next three are loaded by /phone, and by the dashboard's QR code, when needed.
fetch @stomp/stompjs 7.5.0
take bundles/stomp.umd.min.js stomp.js
take LICENSE stomp.LICENSE.txt

fetch mqtt 5.16.0
take dist/mqtt.esm.js mqtt.js
take LICENSE.md mqtt.LICENSE.txt

fetch lean-qr 2.7.4
take index.mjs lean-qr.js
take LICENSE lean-qr.LICENSE.txt

cd "$work/out"
if [ "${1:-}" = --update ]; then
	sha256sum -- * >"$vendor/SHA256SUMS"
fi
sha256sum --quiet --strict -c "$vendor/SHA256SUMS"
cp -- * "$vendor/"
echo "vendor files verified: $(wc -l <"$vendor/SHA256SUMS")"
