#!/usr/bin/env bash
# hledger import remembers, for each file, only the newest date that it has seen and how many entries had it. An entry
# that is appended later with an older date is skipped: without a word, with exit code 0, and for ever. Bookkeepers who
# import a growing log lose exactly its late corrections and refunds; a log for import needs an entry date that never
# decreases. Seen with Debian's hledger 1.25; the manual's section on "import" says that files are expected to grow in
# date order.
set -euo pipefail
if ! command -v hledger >/dev/null; then
  sudo=(); if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
  "${sudo[@]}" apt-get update -q >/dev/null
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends hledger >/dev/null
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME=$dir LANG=C.UTF-8
hledger --version

entry() { printf '%s %s\n    Expenses:Software  %s\n    Assets:Prepaid\n\n' "$1" "$2" "$3"; }
spent() { hledger -f books.journal balance Expenses:Software --no-total --format '%(total)'; }

: >books.journal
{ entry 2026-11-03 'license' '$63.75'; entry 2026-11-20 'license' '$63.75'; } >log.journal
hledger -f books.journal import log.journal
entry 2026-11-03 'the license of the 3rd was charged twice' '$63.75' >>log.journal # it showed on the 20th
said=$(hledger -f books.journal import log.journal 2>&1) && code=0 || code=$?
echo "the second import ends with $code and says: $said"
echo "the log has $(hledger -f log.journal balance Expenses:Software --no-total --format '%(total)')," \
  "the books have $(spent)"
if [ "$code" != 0 ] || [ "$(spent)" != '$127.50' ] || [[ $said == *"charged twice"* ]]; then
  echo "hledger does not skip the entry any more" >&2
  exit 1
fi

# The same entry, dated like the newest one before it, is imported.
sed -i 's/2026-11-03 the license/2026-11-20 the license/' log.journal
hledger -f books.journal import log.journal
echo "dated 2026-11-20, it is imported: the books have $(spent)"
[ "$(spent)" = '$191.25' ]
