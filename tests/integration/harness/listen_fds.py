"""Runs a program as a service manager does: listen_fds.py FD,FD,… COMMAND…  gives it these descriptors as 3, 4, …"""
import fcntl
import os
import sys

descriptors = [int(number) for number in sys.argv[1].split(",") if number]
FIRST = 3
away = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, FIRST + len(descriptors)) for number in descriptors]
for place, number in enumerate(away):
    os.dup2(number, FIRST + place)
for variable in ("LISTEN_PID", "WATCHDOG_PID"):
    os.environ[variable] = str(os.getpid())
os.execvp(sys.argv[2], sys.argv[2:])
