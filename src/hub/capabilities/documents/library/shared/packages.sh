for manager in apt-get dnf yum zypper pacman apk none; do if command -v "$manager" >/dev/null; then break; fi; done
packages() { # act name…
  act=$1; shift
  export DEBIAN_FRONTEND=noninteractive
  case "$manager-$act" in
    apt-get-refresh) apt-get -q update ;;
    apt-get-*) apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold --no-install-recommends "$act" "$@" ;;
    dnf-refresh | yum-refresh) "$manager" -q makecache ;;
    dnf-* | yum-*) "$manager" -q -y "$act" "$@" ;;
    zypper-*) zypper --non-interactive --quiet "$act" "$@" ;;
    pacman-refresh) echo 'pacman takes a new list only with all updates; none is taken' ;;
    pacman-install) pacman -S --noconfirm --needed "$@" ;;
    pacman-remove) pacman -R --noconfirm "$@" ;;
    apk-refresh) apk update ;;
    apk-install) apk add "$@" ;;
    apk-remove) apk del "$@" ;;
    *) echo 'this node has no package manager that is known here' >&2; return 3 ;;
  esac
}
version() { # of a package that is installed, else nothing
  case "$manager" in
    apt-get) dpkg-query -W -f='${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p' ;;
    pacman) pacman -Q "$1" 2>/dev/null | cut -d' ' -f2 ;;
    apk) apk info -e -v "$1" 2>/dev/null ;;
    none) packages none ;;
    *) rpm -q --qf '%{VERSION}-%{RELEASE}\n' "$1" 2>/dev/null | grep -v ' ' || : ;;
  esac
}
