#!/bin/sh
# Writes the secrets of a whoread and its Redis into the folder secrets:
#
#   sh secrets.sh CLIENT_SECRET_FILE [HOST_OF_REDIS]
#
# client_secret      DingTalk's, from the file that is given (- reads it from standard input)
# redis_url          where Redis is, and the password of the bot's user, which is made here
# redis_url_forget   the same with the user of "whoread forget", for its --redis-url-file; the bot does not get it
# redis_users        both users, with the rights that README.md lists, as an ACL file for Redis
set -eu
umask 077
from=${1:?usage: sh secrets.sh CLIENT_SECRET_FILE [HOST_OF_REDIS]}
host=${2:-redis}
if [ -e secrets ]; then
	echo "secrets is there already: Redis would not know the new password. Move it away first." >&2
	exit 1
fi
secret=$(cat "$from")
new_password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
password=$(new_password)
forget_password=$(new_password)
mkdir secrets
printf '%s' "$secret" >secrets/client_secret
printf 'redis://whoread:%s@%s:6379/0' "$password" "$host" >secrets/redis_url
printf 'redis://whoread-forget:%s@%s:6379/0' "$forget_password" "$host" >secrets/redis_url_forget
cat >secrets/redis_users <<USERS
user default off
user health on nopass resetchannels -@all +ping
user whoread on >$password resetchannels ~{whoread:* +select +info +time +multi +exec +eval +evalsha +get +set +del +incr +pexpire +pttl +hset +hsetnx +hget +hmget +hgetall +hkeys +hdel +hincrby +exists +sadd +srem +smembers +zadd +zcard +zrem +zscore +zrangebyscore +zrevrange +zremrangebyrank +xadd +xlen +xrange +xdel +xack +xclaim +xpending +xreadgroup +xgroup|create +xgroup|delconsumer +xinfo|consumers
user whoread-forget on >$forget_password resetchannels ~{whoread:* +select +scan +type +watch +unwatch +multi +exec +get +set +unlink +hget +hgetall +hset +hdel +srem +smembers +zrem +zscore +eval +evalsha
USERS
