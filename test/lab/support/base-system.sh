#!/bin/sh
# Turns an overlay of the machine's own `/`, or of a Debian tree, into the stock system that lab hosts start from.
# Run inside the lab's own mount namespace: sh -s LAB_DISK IMAGE LOWER OPERATOR_KEY_PUB PASSWORD <base-system.sh
# Who comes second waits, and finds it done.
#
# Where LOWER is `/`, what boots here is somebody's real system, so everything is hidden that is not named below:
# a file that nobody thought of stays out of the hosts, not in.
set -eu

base=$1/base/$2
lower=$3
operator_key=$4
password=$5
root=$base.root

main() {
  mkdir -p "$1/base"
  exec 9>"$base.lock"
  flock 9
  if [ -e "$base.done" ]; then return; fi
  mkdir "$base" "$base.work" "$root"
  if [ "$lower" = / ]; then hide_unknown_folders; fi
  mount -t overlay ensign-lab -o "lowerdir=$lower,upperdir=$base,workdir=$base.work" "$root"
  if [ "$lower" = / ]; then
    create_empty_folders
    reset_accounts
    reset_machine_files
  fi
  add_people
  reset_ssh
  if [ -e "$root/etc/inittab" ]; then prepare_sysvinit; else mask_units; fi
  umount "$root"
  : >"$base.done"
}

# A whiteout (character device 0/0) in the upper folder hides the name below it.
hide_unknown_folders() {
  for path in /* /.[!.]*; do
    case $path in
      /bin | /sbin | /lib | /lib32 | /lib64 | /libx32 | /usr | /etc | /var | '/*' | '/.[!.]*') ;;
      *) mknod "$base$path" c 0 0 ;;
    esac
  done
  mkdir -p "$base/var/lib" "$base/etc"
  chmod 755 "$base" "$base/var" "$base/var/lib" "$base/etc"
  for path in /var/*; do
    case $path in
      /var/lib | /var/run | /var/lock | '/var/*') ;;
      *) mknod "$base$path" c 0 0 ;;
    esac
  done
  for path in /var/lib/*; do
    case $path in
      /var/lib/dpkg | /var/lib/pam | /var/lib/ucf | '/var/lib/*') ;;
      *) mknod "$base$path" c 0 0 ;;
    esac
  done
  for path in /etc/cron* /etc/anacrontab /etc/at.* /etc/netns /etc/NetworkManager /etc/netplan \
    /etc/wireguard /etc/openvpn /etc/letsencrypt /etc/kubernetes /etc/docker /etc/init.d /etc/rc?.d /etc/rc.local \
    /etc/profile.d /etc/environment.d /etc/krb5.keytab /etc/git* /etc/.git; do
    if [ -e "$path" ] || [ -L "$path" ]; then mknod "$base$path" c 0 0; fi
  done
}

create_empty_folders() {
  (
    cd "$root"
    mkdir -m 0755 boot dev home media mnt opt proc run srv sys
    mkdir -m 0700 root
    mkdir -m 1777 tmp
    mkdir -m 0755 var/backups var/cache var/log var/mail var/opt var/spool var/lib/misc var/lib/systemd var/lib/dbus
    mkdir -m 1777 var/tmp
    : >var/log/lastlog
    [ ! -e etc/init.d ] && mkdir etc/init.d
    [ ! -e etc/profile.d ] && mkdir etc/profile.d
    # Debian refuses root's mail folder without it
    chown root:mail var/mail && chmod 2775 var/mail
  )
}

# System accounts stay, because files belong to them; people go. Nobody keeps a password.
reset_accounts() {
  etc=$root/etc
  awk -F: -v OFS=: '$1 == "root" { $7 = "/bin/bash"; print; next } $3 < 1000 || $3 == 65534 { $7 = "/usr/sbin/nologin"; print }' \
    /etc/passwd >"$etc/passwd"
  awk -F: -v OFS=: '{ print $1, "*", "19000:0:99999:7:::" }' "$etc/passwd" >"$etc/shadow"
  awk -F: -v OFS=: '$3 < 1000 || $3 == 65534 { $4 = ""; print }' /etc/group >"$etc/group"
  awk -F: -v OFS=: '{ print $1, "!", "", "" }' "$etc/group" >"$etc/gshadow"
  chown root:shadow "$etc/shadow" "$etc/gshadow" && chmod 0640 "$etc/shadow" "$etc/gshadow"
  chmod 0644 "$etc/passwd" "$etc/group"
  rm -f "$etc/passwd-" "$etc/shadow-" "$etc/group-" "$etc/gshadow-" "$etc/subuid" "$etc/subgid"
  rm -rf "$etc/sudoers.d" "$etc/security/limits.d" "$etc/skel"
  mkdir -m 0750 "$etc/sudoers.d"
  mkdir -m 0755 "$etc/security/limits.d" "$etc/skel"
  cat >"$etc/sudoers" <<'END'
Defaults	env_reset
Defaults	mail_badpass
Defaults	secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults	use_pty
root	ALL=(ALL:ALL) ALL
%sudo	ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
END
  chmod 0440 "$etc/sudoers"
}

# ops: sudo without a password. dana: sudo with one. deploy: no way in yet.
add_people() {
  chroot "$root" groupadd --force --system sudo
  for login in ops dana deploy; do
    chroot "$root" useradd --create-home --shell /bin/bash --user-group --password '*' "$login"
  done
  chroot "$root" usermod --append --groups sudo dana
  printf 'dana:%s\n' "$password" | chroot "$root" chpasswd --crypt-method SHA512
  printf 'ops ALL=(ALL:ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/ops"
  chmod 0440 "$root/etc/sudoers.d/ops"
  for home in root home/ops home/dana; do
    mkdir -p "$root/$home/.ssh"
    chmod 0700 "$root/$home/.ssh"
    cp "$operator_key" "$root/$home/.ssh/authorized_keys"
    chmod 0600 "$root/$home/.ssh/authorized_keys"
  done
  chroot "$root" chown -R ops:ops /home/ops/.ssh
  chroot "$root" chown -R dana:dana /home/dana/.ssh
}

# The configuration as Debian ships it, not as this machine has it.
reset_ssh() {
  etc=$root/etc/ssh
  rm -rf "$etc/sshd_config.d" "$etc/ssh_config.d" "$etc"/ssh_host_* "$etc"/*.pub "$etc"/ssh_known_hosts*
  mkdir -p -m 0755 "$etc/sshd_config.d" "$etc/ssh_config.d"
  cp "$root/usr/share/openssh/sshd_config" "$etc/sshd_config"
  chmod 0644 "$etc/sshd_config"
  printf 'SSHD_OPTS=\n' >"$root/etc/default/ssh"
}

# Masks whatever can start something, outside the list; targets and slices start nothing.
mask_units() {
  units=$root/etc/systemd/system
  rm -rf "$root/etc/systemd"
  mkdir -p "$units/multi-user.target.wants"
  for file in "$root"/usr/lib/systemd/system/* "$root"/lib/systemd/system/* "$root"/usr/local/lib/systemd/system/*; do
    name=${file##*/}
    case $name in
      ssh.service | dbus.service | dbus.socket | dbus-broker.service | dbus-org.freedesktop.login1.service) ;;
      systemd-journald* | systemd-journal-flush.service | systemd-logind.service | systemd-user-sessions.service) ;;
      systemd-tmpfiles-setup.service | systemd-tmpfiles-setup-dev*.service | systemd-sysusers.service) ;;
      user@.service | user-runtime-dir@.service | systemd-update-utmp*.service) ;;
      systemd-poweroff.service | systemd-reboot.service | systemd-halt.service | systemd-exit.service) ;;
      *.service | *.socket | *.timer | *.path | *.mount | *.automount | *.swap) ln -sf /dev/null "$units/$name" ;;
    esac
  done
  # generators make units out of fstab, init scripts and foreign packages
  mkdir -p "$root/etc/systemd/system-generators" "$root/etc/systemd/user-generators"
  for file in "$root"/usr/lib/systemd/system-generators/* "$root"/lib/systemd/system-generators/* \
    "$root"/usr/local/lib/systemd/system-generators/*; do
    [ -e "$file" ] && ln -sf /dev/null "$root/etc/systemd/system-generators/${file##*/}"
  done
  ln -s /lib/systemd/system/multi-user.target "$units/default.target"
  ln -s /lib/systemd/system/ssh.service "$units/multi-user.target.wants/ssh.service"
  ln -s /lib/systemd/system/ssh.service "$units/sshd.service"
  # A host gives itself its address at every boot, so that a reboot from the inside works as well.
  cat >"$units/lab-address.service" <<'END'
[Unit]
Description=The host's address in the lab
DefaultDependencies=no
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/lab-address
ExecStart=/bin/sh -c 'ip address replace "$ADDRESS" dev host0 && ip link set host0 up'
END
  ln -s ../lab-address.service "$units/multi-user.target.wants/lab-address.service"
}

# A host without units: init itself gives it its address. No consoles, nobody sits at one.
prepare_sysvinit() {
  cat >"$root/usr/local/sbin/lab-address" <<'END'
#!/bin/sh
. /etc/lab-address
ip address replace "$ADDRESS" dev host0 && ip link set host0 up
END
  chmod 755 "$root/usr/local/sbin/lab-address"
  sed -i -e '/getty/d' -e '/^l2:/i la::bootwait:/usr/local/sbin/lab-address' "$root/etc/inittab"
}

reset_machine_files() {
  etc=$root/etc
  : >"$etc/fstab"
  : >"$etc/environment"
  : >"$etc/motd"
  : >"$etc/crypttab"
  rm -f "$etc/doas.conf" "$etc/machine-id" "$etc/resolv.conf" "$etc/hostname" "$etc/ld.so.preload" "$root/usr/sbin/policy-rc.d"
  rm -rf "$etc/ssl/private"
  : >"$etc/resolv.conf"
  cp -a /usr/share/base-files/profile "$etc/profile" 2>/dev/null || :
}

main "$1"
