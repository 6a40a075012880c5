restart_wanted() { # says why the node wants a restart; nothing when it does not
  if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then
    echo "packages ask for it: $(sort -u /run/reboot-required.pkgs 2>/dev/null | tr '\n' ' ')"
  fi
  if command -v needs-restarting >/dev/null && ! needs-restarting -r >/dev/null 2>&1; then echo 'needs-restarting says so'; fi
  if command -v zypper >/dev/null && ! zypper --quiet needs-rebooting >/dev/null 2>&1; then echo 'zypper says so'; fi
  # Arch and Alpine delete the modules of the kernel that runs when they bring a new one.
  if { command -v pacman || command -v apk; } >/dev/null && [ -d /lib/modules ] && [ ! -d "/lib/modules/$(uname -r)" ]; then echo 'the kernel was replaced'; fi
}
