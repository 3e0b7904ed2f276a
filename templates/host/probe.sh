# Looks at one host and changes nothing (but see test_sshd). POSIX sh; reads no more than it prints.
# Usage: sh -s -- MARK OPERATOR [LOGIN...]
# Every section begins with a line "MARK name argument", so that nothing a file says can pass for a section.
mark=$1 operator=$2
shift 2
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077

section() { printf '\n%s %s %s\n' "$mark" "$1" "${2-}"; }
have() { command -v "$1" >/dev/null 2>&1; }

# "PID/SSH_CONNECTION" of the sshd that serves this very connection: the topmost ancestor of that name, whose title
# carries the running argv. sudo drops SSH_CONNECTION from the environment, so it is read from an ancestor's.
listener() {
  at=$$ found='' seen=''
  while [ "${at:-0}" -gt 1 ]; do
    read -r comm <"/proc/$at/comm" || break
    case $comm in sshd*) found=$at ;; esac
    if [ -z "$seen" ]; then
      seen=$(tr '\0' '\n' <"/proc/$at/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p' | head -n 1)
    fi
    at=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$at/status")
  done
  printf '%s/%s' "$found" "$seen"
}

# "CLIENT PORT SERVER PORT" as the rest of a connection specification for sshd -T -C; an empty one is loopback
connection_spec() {
  # shellcheck disable=SC2086 # split into its four words
  set -- ${1:-127.0.0.1 0 127.0.0.1 22}
  printf 'host=%s,addr=%s,laddr=%s,lport=%s' "$1" "$1" "$3" "$4"
}

file_facts() { # path: mode owner size, then its text
  real=$(readlink -f "$1" 2>/dev/null) || real=$1
  section file "$1"
  [ -f "$real" ] || return 0
  printf '%s %s %s\n' "$(stat -c '%a %u:%g %s' "$real")" "$(sha256sum <"$real" | cut -d' ' -f1)" "$real"
  head -c 65536 "$real"
}

# A socket that starts one sshd a connection takes /run/sshd away with every connection that ends, and then sshd -t and
# sshd -T fail for no other reason. That folder is made again, as the next connection would do.
test_sshd() {
  said=$("$sshd" -t 2>&1 </dev/null)
  status=$?
  case $said in
    *'Missing privilege separation directory: /run/'* | *'Missing privilege separation directory: /var/run/'*)
      mkdir -p -m 755 "$(printf '%s\n' "$said" | sed -n 's/.*Missing privilege separation directory: \([^[:cntrl:]]*\).*/\1/p')" && said=$("$sshd" -t 2>&1 </dev/null)
      status=$? ;;
  esac
  printf '%s\nexit %s\n' "$said" "$status"
}

# True where a cron runs that reads /etc/cron.d and knows @reboot, as that of busybox does not
cron_runs() {
  for comm in /proc/[0-9]*/comm; do
    read -r name <"$comm" || continue
    case $name in cron | crond) ;; *) continue ;; esac
    case $(readlink "${comm%comm}exe") in *busybox*) ;; *) [ -d /etc/cron.d ] && return 0 ;; esac
  done 2>/dev/null
  return 1
}

main() {
  section host "$(uname -n)"
  hostname -f 2>/dev/null
  section os
  cat /etc/os-release 2>/dev/null
  section clock "$(date +%s)"
  section root "$(id -u)"
  section operator "$operator"

  served=$(listener)
  pid=${served%%/*} connection=${served#*/}
  section listener "$pid"
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline"
  section connection "$connection"

  sshd=$(command -v sshd) || sshd=/usr/sbin/sshd
  section sshd "$sshd"
  "$sshd" -V 2>&1 </dev/null | head -n 3
  section sshd-test
  test_sshd

  spec=$(connection_spec "$connection")
  section effective
  "$sshd" -T 2>/dev/null </dev/null
  for login in "$operator" root "$@"; do
    section effective "$login"
    "$sshd" -T -C "user=$login,$spec" 2>&1 </dev/null
    section login "$login"
    getent passwd "$login"
  done

  "$sshd" -T 2>/dev/null </dev/null | while read -r keyword path; do
    case $keyword in [Hh][Oo][Ss][Tt][Kk][Ee][Yy]) ;; *) continue ;; esac
    section host-key "$path"
    [ -e "$path" ] || continue
    ssh-keygen -y -f "$path" 2>&1 </dev/null
  done
  "$sshd" -T 2>/dev/null </dev/null | while read -r keyword path; do
    case $keyword in [Hh][Oo][Ss][Tt][Cc][Ee][Rr][Tt][Ii][Ff][Ii][Cc][Aa][Tt][Ee]) file_facts "$path" ;; esac
  done

  file_facts /etc/ssh/sshd_config
  file_facts /usr/etc/ssh/sshd_config
  for path in /etc/ssh/sshd_config.d/*.conf /etc/ssh/ensign/* /etc/ssh/ensign/principals/* /var/lib/ensign/state.json; do
    [ -f "$path" ] && file_facts "$path"
  done
  section directories
  for path in /etc/ssh/sshd_config.d /etc/ssh/ensign /etc/ssh/ensign/principals /var/lib/ensign; do
    [ -d "$path" ] && stat -c '%a %u:%g %n' "$path"
  done

  section writable "$( [ -w /etc/ssh ] && [ -w /var/lib ] && echo yes || echo no)"
  section space
  df -Pk /etc/ssh /var/lib /var/lib/ensign 2>/dev/null
  section inodes
  df -Pi /etc/ssh /var/lib /var/lib/ensign 2>/dev/null
  section selinux "$(have getenforce && getenforce)"
  section systemd "$( [ -d /run/systemd/system ] && have systemd-run && systemctl --version | head -n 1)"
  section units
  [ -d /run/systemd/system ] && for unit in ssh.service sshd.service ssh.socket sshd.socket; do
    printf '%s %s\n' "$unit" "$(systemctl show -p ActiveState -p MainPID -p Id --value "$unit" 2>/dev/null | tr '\n' ' ')"
  done
  section tools
  for tool in ssh ssh-keygen sha256sum stat awk readlink cmp diff flock setsid restorecon; do have "$tool" && echo "$tool"; done
  cron_runs && echo cron

  section lock
  cat /var/lib/ensign/lock/owner 2>/dev/null
  for directory in /var/lib/ensign/transactions/*; do
    [ -d "$directory" ] || continue
    section transaction "${directory##*/}"
    for state in armed rolling-back rolled-back confirmed; do [ -e "$directory/$state" ] && echo "$state"; done
    printf 'deadline '; cat "$directory/deadline" 2>/dev/null || echo
    printf 'reason '; cat "$directory/reason" 2>/dev/null || echo
  done
  section end
}

main "$@" </dev/null
