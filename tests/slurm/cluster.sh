#!/usr/bin/env bash
# A real Slurm of one's own on this machine, thrown away afterwards: four made-up nodes, two with two GPUs that are
# none, accounting in a database, no systemd. As root on Debian or Ubuntu, after
#   apt-get install --no-install-recommends slurm-wlm slurmdbd munge mariadb-server
#
#   tests/slurm/cluster.sh up DIR     start it, in a few seconds; then: source DIR/env.sh
#   tests/slurm/cluster.sh down DIR   stop what was started, by process id
#
# KDGAT_SLURM_MEMORY=poll has memory limits watched by polling, as clusters without cgroups do.
set -euo pipefail
verb=${1:?up or down}
dir=$(realpath -m "${2:?a folder to keep everything in}")
port=${KDGAT_SLURM_PORT:-27300}
host=$(hostname -s)

until_true() { # seconds, command…: repeated until it succeeds, each try given five seconds
  local end=$((SECONDS + $1))
  shift
  until timeout 5 "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "in vain: $*; look into $dir/log" >&2
      return 1
    fi
    sleep 0.2
  done
}

down() { # jobs, which outlive their node's daemon; then nodes first, the database last
  local file process
  if [ -s "$dir/run/slurmctld.pid" ]; then
    export SLURM_CONF=$dir/etc/slurm.conf
    timeout 20 scancel --user="$(id -un)" || true
    for _ in {1..60}; do
      [ -n "$(timeout 5 squeue --noheader --states=running,completing)" ] || break
      sleep 0.2
    done
  fi
  for file in "$dir"/run/{slurmd.*,slurmctld,slurmdbd,mariadbd,munged}.pid; do
    [ -s "$file" ] || continue
    process=$(<"$file")
    kill "$process" 2>/dev/null || continue
    for _ in {1..150}; do
      kill -0 "$process" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$process" 2>/dev/null || true
  done
}

munge_up() { # who proves to whom that they are the same user
  [ -s "$dir/etc/munge.key" ] || head -c 128 /dev/urandom >"$dir/etc/munge.key"
  chmod 400 "$dir/etc/munge.key"
  munged --force --key-file="$dir/etc/munge.key" --socket="$dir/munge/socket" --num-threads=2 \
    --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log" --seed-file="$dir/run/munged.seed"
  until_true 10 munge --socket="$dir/munge/socket" --no-input
}

database_up() { # small, and careless of a power cut
  if [ ! -d "$dir/database/mysql" ]; then
    mariadb-install-db --no-defaults --user=root --datadir="$dir/database" --skip-test-db \
      --auth-root-authentication-method=normal >"$dir/log/mariadb-install.log" 2>&1
  fi
  mariadbd --no-defaults --user=root --datadir="$dir/database" --socket="$dir/run/mariadb.sock" \
    --pid-file="$dir/run/mariadbd.pid" --bind-address=127.0.0.1 --port=$((port + 2)) --skip-log-bin \
    --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=0 --innodb-lock-wait-timeout=900 \
    --performance-schema=OFF >"$dir/log/mariadbd.log" 2>&1 </dev/null &
  until_true 30 mariadb-admin --no-defaults --user=root --socket="$dir/run/mariadb.sock" ping
  mariadb --no-defaults --user=root --socket="$dir/run/mariadb.sock" --execute "
    CREATE DATABASE IF NOT EXISTS accounting;
    CREATE OR REPLACE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm';
    GRANT ALL ON accounting.* TO slurm@'127.0.0.1';"
}

configure() {
  local memory="JobAcctGatherParams=OverMemoryKill" task=task/affinity probe
  rm -f "$dir/etc/cgroup.conf"
  probe=/sys/fs/cgroup/memory/kdgat-$$
  if [ "${KDGAT_SLURM_MEMORY:-}" != poll ] && mkdir "$probe" 2>/dev/null; then
    rmdir "$probe"
    memory="" task=task/affinity,task/cgroup
    printf '%s\n' CgroupPlugin=cgroup/v1 CgroupMountpoint=/sys/fs/cgroup CgroupAutomount=no \
      ConstrainRAMSpace=yes ConstrainSwapSpace=yes >"$dir/etc/cgroup.conf"
  fi
  cat >"$dir/etc/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
DbdHost=$host
DbdAddr=127.0.0.1
DbdPort=$((port + 1))
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((port + 2))
StorageUser=slurm
StoragePass=slurm
StorageLoc=accounting
LogFile=$dir/log/slurmdbd.log
PidFile=$dir/run/slurmdbd.pid
CONF
  chmod 600 "$dir/etc/slurmdbd.conf"
  cat >"$dir/etc/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# a requeued job waits as long as its credential lasts, by default two minutes
AuthInfo=socket=$dir/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPort=$port
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdPidFile=$dir/run/slurmd.%n.pid
SlurmdLogFile=$dir/log/slurmd.%n.log
SlurmdSpoolDir=$dir/spool/%n
StateSaveLocation=$dir/state
# nodes have more processors than this machine
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=$task
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
$memory
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
DefMemPerCPU=512
JobRequeue=1
KillWait=5
MinJobAge=3600
# a job without an account that is known is refused, as large clusters do
AccountingStorageEnforce=associations
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((port + 1))
# munge's socket towards the database's daemon, no password
AccountingStoragePass=$dir/munge/socket
AccountingStorageTRES=gres/gpu
GresTypes=gpu
NodeName=c[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 11))-$((port + 12)) CPUs=4 RealMemory=4000
NodeName=g[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 13))-$((port + 14)) CPUs=4 RealMemory=8000 Gres=gpu:2
PartitionName=cpu Nodes=c[1-2] Default=YES MaxTime=4:00:00 DefaultTime=10 PriorityTier=2
PartitionName=gpu Nodes=g[1-2] MaxTime=4:00:00 DefaultTime=10 PriorityTier=2
# jobs here end, or are queued again, when one of a partition above asks for their node
PartitionName=scavenge Nodes=c2 MaxTime=4:00:00 DefaultTime=10 PriorityTier=1 PreemptMode=CANCEL
PartitionName=again Nodes=c2 MaxTime=4:00:00 DefaultTime=10 PriorityTier=1 PreemptMode=REQUEUE
CONF
  # Slurm takes a GPU from a device's name; null devices stand in
  mkdir -p "$dir/dev"
  for number in 0 1; do [ -c "$dir/dev/nvidia$number" ] || mknod -m 666 "$dir/dev/nvidia$number" c 1 3; done
  echo "NodeName=g[1-2] Name=gpu File=$dir/dev/nvidia[0-1]" >"$dir/etc/gres.conf"
  : >"$dir/etc/plugstack.conf"
  echo "export SLURM_CONF=$dir/etc/slurm.conf KDGAT_SLURM_ACCOUNT=kdgat" >"$dir/env.sh"
}

up() {
  mkdir -p "$dir"/{etc,log,run,state,spool/c1,spool/c2,spool/g1,spool/g2,database,munge}
  chmod 755 "$dir" "$dir"/{etc,munge,run}
  configure
  export SLURM_CONF=$dir/etc/slurm.conf
  munge_up
  database_up
  slurmdbd
  until_true 30 sacctmgr --noheader list cluster
  sacctmgr --immediate add cluster test >>"$dir/log/accounts.log" 2>&1 || true
  sacctmgr --immediate add account kdgat cluster=test >>"$dir/log/accounts.log" 2>&1 || true
  sacctmgr --immediate add user root account=kdgat cluster=test >>"$dir/log/accounts.log" 2>&1 || true
  slurmctld -c
  until_true 30 bash -c 'scontrol ping | grep -q "is UP"'
  for node in c1 c2 g1 g2; do slurmd -N "$node"; done
  until_true 30 bash -c '[ "$(sinfo --noheader --Node --states=idle --format=%N | sort -u | wc -l)" = 4 ]'
}

case $verb in
  up)
    set -E
    trap down ERR # whatever fails, nothing is left running
    up
    ;;
  down) down ;;
  *) echo "up or down, not $verb" >&2; exit 2 ;;
esac
