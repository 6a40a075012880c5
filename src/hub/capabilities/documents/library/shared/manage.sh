manage() { # act unit: by the service manager that runs here
  if [ -d /run/systemd/system ]; then systemctl "$1" "$2"
  elif command -v rc-service >/dev/null; then rc-service "$2" "$1"
  elif [ -x "/etc/init.d/$2" ]; then
    # Some scripts make what they need at `start` only.
    if [ "$1" = restart ]; then "/etc/init.d/$2" stop || :; "/etc/init.d/$2" start; else "/etc/init.d/$2" "$1"; fi
  else echo "neither systemd nor OpenRC runs here, and there is no /etc/init.d/$2" >&2; return 3; fi
}
