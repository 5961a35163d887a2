#!/bin/bash
# As much of wget as a health check takes: the last word is an http URL with a port; exit 0 when it answers 2xx.
address=${!#}
address=${address#http://}
path=/${address#*/}
address=${address%%/*}
exec 3<>"/dev/tcp/${address%:*}/${address#*:}" || exit 1
printf 'GET %s HTTP/1.0\r\n\r\n' "$path" >&3
read -r -t 3 _ status _ <&3
[[ $status == 2?? ]]
