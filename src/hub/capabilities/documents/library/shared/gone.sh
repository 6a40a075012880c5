gone() { if [ -e "$1" ] || [ -L "$1" ]; then rm -f "$1"; echo "removed: $1"; else echo "unchanged: $1 is not there"; fi; }
