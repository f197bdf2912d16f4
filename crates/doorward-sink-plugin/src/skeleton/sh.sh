#!/bin/sh
# NAME: an output of Doorward. It writes the failing findings, one line each; change the jq program to what you need.
#
# The contract is doorward-report-v1: `doorward guide plugins` has it in full. Needs jq. Doorward gives a plugin no variables, so
# programs are looked for in the folders below.
set -eu
PATH=/usr/local/bin:/usr/bin:/bin
export PATH

for verb; do :; done
case "${verb:-}" in
describe)
    cat <<'END'
{"contract": "doorward-report-v1", "name": "NAME", "version": "0.1.0", "destination": "stream", "repeat": "idempotent"}
END
    ;;
preflight)
    # Fails where the configuration is no JSON.
    jq -c '{ok: true}'
    ;;
emit)
    report=$(mktemp)
    trap 'rm -f "$report"' EXIT
    trap 'exit 143' TERM
    # The whole report first: without its end nothing is delivered.
    # In the background, so that SIGTERM is handled at once; its stdin has to be given, or it would be /dev/null.
    exec 3<&0
    cat <&3 >"$report" &
    wait $!
    destination=$(head -n 1 "$report" | jq -er 'select(.contract == "doorward-report-v1") | .destination')
    read=$(jq -n '[inputs | select(.type == "finding")] | length' "$report")
    tail -n 1 "$report" | jq -e --argjson read "$read" '.type == "end" and .findings == $read' >/dev/null || {
        echo "the report is not whole" >&2
        exit 1
    }
    jq -r 'select(.type == "finding" and .verdict == "fail") | [.severity, .name, .because] | @json' "$report" >"$destination"
    jq -cn --argjson read "$read" --arg where "$destination" '
        [inputs | select(.type == "finding")] | map(select(.verdict == "fail")) | length as $written
        | {findings_in: $read, written: $written, skipped: {"does not fail": ($read - $written)}, where: $where}' "$report"
    ;;
*)
    echo "usage: NAME describe|preflight|emit" >&2
    exit 2
    ;;
esac
