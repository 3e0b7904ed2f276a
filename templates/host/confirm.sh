# Confirms one change: from here on it stays. Appended to it come `state`, which prints the new state file, and a last
# line that calls main.
# Usage: sh -s -- MARK ID
mark=$1 id=$2
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
trap '' HUP PIPE
root=/var/lib/ensign
here=$root/transactions/$id

result() { printf '\n%s result %s %s\n' "$mark" "$1" "$2"; exit 0; }

main() {
  # written first, so that a confirmed change never lacks its record; it counts once it has its name
  state >"$here/state.json" || result failed "cannot write the state file"
  if ! mv "$here/armed" "$here/confirmed" 2>/dev/null; then
    # confirmed already, and only the answer was lost
    [ -e "$here/confirmed" ] || result rolled-back "$(cat "$here/reason" 2>/dev/null)"
  fi
  chmod 644 "$here/state.json"
  if [ -e "$here/state.json" ]; then mv -f "$here/state.json" "$root/state.json"; fi
  if [ -d /run/systemd/system ]; then systemctl stop "ensign-undo-$id.timer" 2>/dev/null; fi
  rm -f "/etc/systemd/system/ensign-boot-undo-$id.service" "/etc/systemd/system/multi-user.target.wants/ensign-boot-undo-$id.service" "/etc/cron.d/ensign-boot-undo-$id"
  # without systemd the watchdog is a process that leads its own group, and its command line names this change
  watchdog=$(cat "$here/watchdog" 2>/dev/null)
  if [ -n "$watchdog" ] && tr '\0' ' ' <"/proc/$watchdog/cmdline" 2>/dev/null | grep -q "$id"; then kill -KILL "-$watchdog" 2>/dev/null; fi
  if (true >"$root/mutex") 2>/dev/null; then exec 9>"$root/mutex"; flock -w 20 9; fi
  if [ "$(cat "$root/lock/id" 2>/dev/null)" = "$id" ]; then rm -f "$root/lock/id" "$root/lock/owner"; rmdir "$root/lock"; fi
  rm -rf "$here"
  sync -f "$root" 2>/dev/null || sync
  result confirmed "$id"
}
