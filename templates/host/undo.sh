# Undoes one unconfirmed change. Lies beside its backups, and needs nothing but POSIX sh.
# Usage: sh undo.sh deadline|boot|REASON...
# One rename decides between this and the confirmation: whoever moves "armed" away has won.
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
trap '' HUP PIPE
here=$(cd "$(dirname "$0")" && pwd) || exit 1
id=${here##*/}
root=${here%/transactions/*}
tab=$(printf '\t')

say() { printf '%s %s\n' "$(date +%s)" "$*" >>"$here/log"; }
restorecon_maybe() { if command -v restorecon >/dev/null 2>&1; then restorecon "$1" 2>/dev/null; fi; }

# In reverse: the directives go before the files that they name.
restore_all() {
  sed -n '1!G;h;$p' "$here/manifest" | while IFS=$tab read -r number operation mode before path; do
    case $operation in
      directory) if [ -e "$here/made.$number" ]; then rmdir "$path" 2>/dev/null; fi ;;
      *)
        rm -f "$path.ensign-$id"
        if [ -e "$here/old.$number" ]; then
          cmp -s "$here/old.$number" "$path" && continue
          cp -p "$here/old.$number" "$path.ensign-$id" && mv -f "$path.ensign-$id" "$path" || say "cannot restore $path"
          restorecon_maybe "$path"
        elif [ -e "$here/absent.$number" ]; then
          rm -f "$path" || say "cannot remove $path"
        fi ;;
    esac
  done
}

# A listener that died of a bad configuration needs a start, not a reload.
serve_again() {
  read -r kind what <"$here/reload"
  case $kind in
    systemd)
      if systemctl is-active --quiet "$what"; then systemctl reload "$what"
      else systemctl reset-failed "$what" 2>/dev/null; systemctl start "$what"; fi ;;
    signal)
      if kill -0 "$what" 2>/dev/null; then kill -HUP "$what"
      else read -r path arguments <"$here/listener"; set -f; mkdir -p /run/sshd
        # shellcheck disable=SC2086 # its words, as the running listener had them
        "$path" $arguments; fi ;;
    socket) : ;;
  esac
}

disarm() {
  rm -f "/etc/systemd/system/ensign-boot-undo-$id.service" "/etc/systemd/system/multi-user.target.wants/ensign-boot-undo-$id.service" "/etc/cron.d/ensign-boot-undo-$id"
  if [ -d /run/systemd/system ]; then systemctl stop "ensign-undo-$id.timer" 2>/dev/null; fi
  if [ "$(cat "$root/lock/id" 2>/dev/null)" = "$id" ]; then rm -f "$root/lock/id" "$root/lock/owner"; rmdir "$root/lock"; fi
}

main() {
  case $1 in
    # a roll-back that a crash cut short is taken up again, but only where nobody else can be at it
    boot) mv "$here/armed" "$here/rolling-back" 2>/dev/null || [ -e "$here/rolling-back" ] || exit 0 ;;
    *) mv "$here/armed" "$here/rolling-back" 2>/dev/null || exit 0 ;;
  esac
  printf '%s\n' "$*" >"$here/reason"
  say "rolling back: $*"
  restore_all
  # before sshd starts there is nothing to reload
  if [ "$1" != boot ]; then serve_again >>"$here/log" 2>&1 || say "sshd did not take the old configuration back"; fi
  sync -f "$here" 2>/dev/null || sync
  mv "$here/rolling-back" "$here/rolled-back"
  say "rolled back"
  disarm
  # systemd holds on to a unit whose file is gone until it reads its files anew
  if [ "$1" = boot ] && [ -d /run/systemd/system ]; then systemctl --no-block daemon-reload; fi
}

main "$@" </dev/null
