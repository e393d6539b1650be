#!/bin/sh
# reboot-log NAME: what a master's reboot logged, on both sides of it.
. "${0%/*}/common.sh"
exec cat "$STATE/steps/$1/log"
