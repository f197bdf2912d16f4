#!/usr/bin/env bash
# Makes the certificates of this folder again. They protect nothing: their keys are public, and they are for tests on this machine.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
key "$work/authority.key"
key server.key
cat > "$work/ca.cnf" <<CONFIG
[ca]
default_ca = test
[test]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
copy_extensions = none
unique_subject = no
[any]
commonName = supplied
organizationName = optional
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost, DNS:*.amazonaws.com, DNS:*.eu-west-1.amazonaws.com, DNS:*.us-east-1.amazonaws.com, DNS:*.s3.eu-west-1.amazonaws.com, DNS:*.sso.eu-west-1.amazonaws.com, DNS:hooks.slack.com
[other]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:other.example.com
CONFIG
: > "$work/index"
echo 1000 > "$work/serial"
openssl req -new -key "$work/authority.key" -subj "/O=Example Corp/CN=Example Inspection CA" -out "$work/authority.csr"
openssl ca -batch -notext -config "$work/ca.cnf" -selfsign -keyfile "$work/authority.key" -in "$work/authority.csr" \
    -extensions authority -startdate 20200101000000Z -enddate 21200101000000Z -out authority.pem
sign() {
    openssl req -new -key server.key -subj "/CN=$1" -out "$work/$1.csr"
    openssl ca -batch -notext -config "$work/ca.cnf" -keyfile "$work/authority.key" -cert authority.pem -in "$work/$1.csr" \
        -extensions "$2" -startdate "$3" -enddate "$4" -out "$1.pem"
}
sign server server 20200101000000Z 21190101000000Z
sign expired server 20200101000000Z 20210101000000Z
sign future server 21000101000000Z 21190101000000Z
sign other-host other 20200101000000Z 21190101000000Z
# The certificate of an authority, used by a server itself.
openssl req -new -key server.key -subj "/CN=Self-signed Example" -out "$work/self-signed.csr"
sed 's/^\[other\]/[self]\nbasicConstraints = critical, CA:TRUE\nsubjectAltName = IP:127.0.0.1, DNS:localhost\n[other]/' "$work/ca.cnf" > "$work/self.cnf"
openssl ca -batch -notext -config "$work/self.cnf" -selfsign -keyfile server.key -in "$work/self-signed.csr" \
    -extensions self -startdate 20200101000000Z -enddate 21190101000000Z -out self-signed.pem
