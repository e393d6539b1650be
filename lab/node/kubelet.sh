#!/bin/bash
# Runs before every start of kubelet. On masters the API is to be reached on 4443 as well, which the
# outbound rules of some networks leave open; as on AKS Engine's nodes, each start appends the rule once more.
set -e
if [ -d /etc/kubernetes/manifests ] && [ -n "$(ls /etc/kubernetes/manifests)" ]; then
  iptables -t nat -A PREROUTING -p tcp --dport 4443 -j REDIRECT --to-port 443
fi
