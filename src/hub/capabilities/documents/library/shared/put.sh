put() { # file mode: what `content` prints becomes the file
  if [ -L "$1" ] || [ -d "$1" ]; then echo "$1 is a link or a directory; name a file" >&2; exit 2; fi
  new=$(mktemp "$(dirname "$1")/.roadstead.XXXXXX")
  trap 'rm -f "$new"' EXIT
  content >"$new"
  if [ -e "$1" ] && cmp -s "$new" "$1"; then echo "unchanged: $1"; return; fi
  if [ -e "$1" ]; then chown "$(stat -c %u:%g "$1")" "$new"; chmod "$(stat -c %a "$1")" "$new"; else chmod "$2" "$new"; fi
  mv -f "$new" "$1"; echo "changed: $1"
}
