#!/bin/bash
# Start a real Slurm on this host, a controller and one node of 2 CPUs, to try `make submit` without a cluster.
#
#   apt-get install --no-install-recommends slurm-wlm munge      (Debian, as root)
#   scripts/slurm/one_host.sh start /tmp/one-slurm               (as root; takes a few seconds)
#   export SLURM_CONF=/tmp/one-slurm/slurm.conf
#   sinfo
#   scripts/slurm/one_host.sh stop /tmp/one-slurm
#
# It writes only into the given folder and listens on its own ports, so it does not disturb another Slurm that this host
# may belong to. The user munge must be able to enter the folder.
set -euo pipefail

usage="usage: $0 start|stop FOLDER"
action=${1:?$usage}
folder=$(realpath -m "${2:?$usage}")
export SLURM_CONF=$folder/slurm.conf

configure() {
    local host memory
    host=$(hostname -s)
    memory=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
    cat > "$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
# CPUs and memory are allocated one by one, because a stage's driver and its array run on the same node.
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=2,sched_min_interval=100000
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
}

start() {
    mkdir -p "$folder"/{munge,state,spool}
    chmod 755 "$folder" "$folder/munge"
    # Slurm's daemons authenticate each other by a secret that only munged reads.
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")
    chown -R munge: "$folder/munge"
    configure
    runuser -u munge -- munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
    slurmctld
    slurmd
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ]; then
            sinfo
            return
        fi
        sleep 0.5
    done
    echo "the node is not idle after 30 s; see $folder/slurmctld.log and $folder/slurmd.log" >&2
    return 1
}

stop() {
    scancel --user=root 2> /dev/null || true
    for _ in $(seq 20); do  # the node kills the jobs, so it must outlive them
        [ -n "$(squeue --noheader 2> /dev/null)" ] || break
        sleep 0.5
    done
    for pid in "$folder"/slurmd.pid "$folder"/slurmctld.pid "$folder"/munge/pid; do
        if [ -f "$pid" ]; then
            number=$(cat "$pid")
            kill "$number" 2> /dev/null || true
            timeout 10 tail --pid="$number" --follow /dev/null || true
        fi
    done
}

case $action in
    start) start ;;
    stop) stop ;;
    *) echo "$usage" >&2; exit 2 ;;
esac
