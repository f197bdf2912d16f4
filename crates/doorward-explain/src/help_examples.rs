//! Examples at the end of the help of each command.

/// The examples of `doorward`.
pub const EXAMPLES: &str = "\
Examples:
  doorward demo                                  try everything without an AWS account
  doorward doctor                                check which permissions a scan lacks and how to add them
  doorward scan                                  scan the organization of the current AWS credentials
  doorward scan --role-name audit --ou /Prod     another role, one organizational unit
  doorward scan --format table --format json-v1=scan.json --save scan.saved
  doorward setup stackset                        print the role to deploy to every account
  doorward traffic --from scan.saved --save traffic.json   read access logs and CloudWatch metrics
  doorward advise --logs FOLDER                  recommend a mode for each load balancer, from a folder of logs
  doorward plan --from-advice                    write a plan of mode changes to review
  doorward apply change-plan.json --watch 30m    change modes in waves, canary first; roll back on regressions
  doorward check plan.json templates/            apply the rules to infrastructure as code
  doorward publish --dry-run                     show what would be sent to Security Hub, and why
  doorward notify --dry-run                      show what owners would be sent
  doorward event < event.json                    re-scan the load balancer that an event names
  doorward report --from scan.saved              render a saved scan again, offline
  doorward scan --format evidence=evidence       write audit evidence, one pack per scan
  doorward verify evidence --key public.pem      verify that evidence is unchanged
  doorward explain desync-mode-below-required    explain a rule
  doorward explain exit-codes                    explain the exit codes";

/// The examples of `doorward scan`.
pub const SCAN_EXAMPLES: &str = "\
Examples:
  doorward scan                                            the organization of the current credentials, as a table
  doorward scan --role-name audit --ou /Prod               another role, one organizational unit
  doorward scan --format html=scan.html --format json=scan.json --save scan.saved
  doorward scan --format evidence=evidence --signing-key key.pem
  doorward scan --resume                                   continue an interrupted scan
  doorward scan --shard 3/16 --save part-3.json            one share of sixteen, for `doorward merge`";

/// The examples of `doorward merge`.
pub const MERGE_EXAMPLES: &str = "\
Examples:
  doorward merge part-*.json                               the table of the whole scan; recorded in the ledger
  doorward merge --discovered plan.json part-{1..16}.json --format html=scan.html
  doorward merge part-*.json --save scan.saved --publish";

/// The examples of `doorward report`.
pub const REPORT_EXAMPLES: &str = "\
Examples:
  doorward report --from scan.saved                        the table of a saved scan
  doorward report --from scan.saved --format html=scan.html
  doorward report --from scan.saved --owner payments --severity high
  doorward report --from scan.saved --judge-again          by the current settings";

/// The examples of `doorward doctor`.
pub const DOCTOR_EXAMPLES: &str = "\
Examples:
  doorward doctor                        every part: scan, traffic, publish
  doorward doctor --for scan --ou /Prod  what a scan of one organizational unit lacks
  doorward doctor --format json          for programs";

/// The examples of `doorward demo`.
pub const DEMO_EXAMPLES: &str = "\
Examples:
  doorward demo                    the built-in organization; writes the folder doorward-demo
  doorward demo --gaps --out gaps  an organization in which a part cannot be read
  doorward demo examples/gaps-org  an organization of your own, as a folder";

/// The examples of `doorward publish`.
pub const PUBLISH_EXAMPLES: &str = "\
Examples:
  doorward publish --dry-run    what would be sent to Security Hub, and why
  doorward publish              deliver the newest recorded scan
  doorward publish --reconcile  compare the ledger with Security Hub";

/// The examples of `doorward traffic`.
pub const TRAFFIC_EXAMPLES: &str = "\
Examples:
  doorward traffic --dry-run                           what would be read, and what it costs
  doorward traffic --save traffic.json                 read the traffic of the newest scan's load balancers
  doorward traffic --logs FOLDER --from scan.saved     a folder with access logs; needs no AWS account
  doorward traffic --state counts --save traffic.json  for daily runs: counts each log file once";

/// The examples of `doorward traffic compare`.
pub const TRAFFIC_COMPARE_EXAMPLES: &str = "\
Examples:
  doorward traffic compare --traffic traffic.json  the days before and after each recorded change";

/// The examples of `doorward traffic classify`.
pub const CLASSIFY_EXAMPLES: &str = "\
Examples:
  doorward traffic classify request.bin      a captured request
  doorward traffic classify - < request.bin  the same from stdin";

/// The examples of `doorward advise`.
pub const ADVISE_EXAMPLES: &str = "\
Examples:
  doorward advise --traffic traffic.json --from scan.saved  from saved evidence; needs no AWS account
  doorward advise                                           read the traffic now";

/// The examples of `doorward posture`.
pub const POSTURE_EXAMPLES: &str = "\
Examples:
  doorward posture                                  a summary of all load balancers of the newest scan
  doorward posture checkout-edge --from scan.saved  one load balancer, trigger by trigger";

/// The examples of `doorward metrics collect`.
pub const COLLECT_EXAMPLES: &str = "\
Examples:
  doorward metrics collect            the days that the ledger does not have
  doorward metrics collect --days 14  at most the last 14 days";

/// The examples of `doorward policy explain`.
pub const POLICY_EXPLAIN_EXAMPLES: &str = "\
Examples:
  doorward policy explain checkout-edge          by name, from the newest recorded scan
  doorward policy explain ARN --from scan.saved  by ARN, from a saved scan";

/// The examples of `doorward policy presets`.
pub const PRESETS_EXAMPLES: &str = "\
Examples:
  doorward policy presets                the list
  doorward policy presets research-2026  one preset, to copy into doorward.toml";

/// The examples of `doorward rollback`.
pub const ROLLBACK_EXAMPLES: &str = "\
Examples:
  doorward rollback 08457c0c --reason \"errors at checkout\"  restore the modes before this change
  doorward verify-change                                    the list of changes, with their ids";

/// The examples of `doorward verify-change`.
pub const VERIFY_CHANGE_EXAMPLES: &str = "\
Examples:
  doorward verify-change           list all changes
  doorward verify-change 08457c0c  verify one change, by the beginning of its id";

/// The examples of `doorward check`.
pub const CHECK_EXAMPLES: &str = "\
Examples:
  doorward check plan.json                          terraform show -json PLAN > plan.json
  doorward check --new infra/ templates/            nothing is deployed yet
  doorward check --scan scan.saved infra/           unset attributes keep the values that the scan read
  doorward check --format sarif=check.sarif infra/  for code scanning
  doorward check --fix infra/                       write the required mode where that is safe
  helm template CHART | doorward check -            rendered manifests from stdin";

/// The examples of `doorward notify`.
pub const NOTIFY_EXAMPLES: &str = "\
Examples:
  doorward notify --dry-run  what would be sent, and to which channels
  doorward notify            send digests of the newest recorded scan, each once";

/// The examples of `doorward verify`.
pub const VERIFY_EXAMPLES: &str = "\
Examples:
  doorward verify evidence                                 all packs in a folder: consistent, not proven
  doorward verify evidence --key public.pem --head SHA256  prove who signed the packs, and that the newest is there";

/// The examples of `doorward exceptions list`.
pub const LIST_EXAMPLES: &str = "\
Examples:
  doorward exceptions list                         all, soonest to expire first
  doorward exceptions list --account 111122223333  those that may cover this account";

/// The examples of `doorward exceptions check`.
pub const REGISTER_EXAMPLES: &str = "\
Examples:
  doorward exceptions check                    the form of the register, and its rules
  doorward exceptions check --scan scan.saved  and which load balancers each exception covers";

/// The examples of `doorward exceptions add`.
pub const ADD_EXAMPLES: &str = "\
Examples:
  doorward exceptions add --id EX-1 --rule desync-mode-below-required --name legacy-checkout \\
      --reason \"partner client until March\" --requester Ines --approver Kim --expires 2026-12-24";

/// The examples of `doorward exceptions renew`.
pub const RENEW_EXAMPLES: &str = "\
Examples:
  doorward exceptions renew EX-1 --expires 2027-01-20 --approver Lee --ticket SEC-2";

/// The examples of `doorward setup iam, stackset and terraform`.
pub const SETUP_ROLES_EXAMPLES: &str = "\
Examples:
  doorward setup stackset --caller-arn ARN --organization-id o-... --out roles  the scan role of every account
  doorward setup terraform --for publish                                        the role for Security Hub, for one account
  doorward setup iam --for traffic --bucket access-logs                         policies as JSON";

/// The examples of `doorward setup conformance-pack`.
pub const PACK_EXAMPLES: &str = "\
Examples:
  doorward setup conformance-pack --region eu-west-1 --region us-east-1  print template and commands";

/// The examples of `doorward setup eventbridge`.
pub const EVENTS_EXAMPLES: &str = "\
Examples:
  doorward setup eventbridge --bus-arn ARN --organization-id o-... --out events";

/// The examples of `doorward setup distributed`.
pub const DISTRIBUTED_EXAMPLES: &str = "\
Examples:
  doorward setup distributed --out distributed";

/// The examples of `doorward setup gate`.
pub const GATE_EXAMPLES: &str = "\
Examples:
  doorward setup gate cfn-guard > doorward.guard
  doorward setup gate opa --out policy";

/// The examples of `doorward plugin new`.
pub const NEW_EXAMPLES: &str = "\
Examples:
  doorward plugin new tickets --language python  creates the folder tickets";

/// The examples of `doorward plugin test`.
pub const TEST_EXAMPLES: &str = "\
Examples:
  doorward plugin test tickets/tickets              a program
  doorward plugin test tickets --junit results.xml  a plugin of the settings, for a pipeline";

/// The examples of `doorward explain`.
pub const EXPLAIN_EXAMPLES: &str = "\
Examples:
  doorward explain                             the list of topics
  doorward explain desync-mode-below-required  a rule
  doorward explain mode-unread                 a reason code
  doorward explain report.fail_on              a setting";

/// The examples of `doorward guide`.
pub const GUIDE_EXAMPLES: &str = "\
Examples:
  doorward guide             the list of guides
  doorward guide first-scan  from zero to a first scan";

/// The examples of `doorward schema`.
pub const SCHEMA_EXAMPLES: &str = "\
Examples:
  doorward schema json-v1 > json-v1.schema.json";

/// The examples of `doorward config show`.
pub const SHOW_EXAMPLES: &str = "\
Examples:
  doorward config show           the effective settings, as TOML
  doorward config show --origin  with the source of each value";

/// The examples of `doorward config init`.
pub const INIT_EXAMPLES: &str = "\
Examples:
  doorward config init  write doorward.toml in the working folder";

/// The examples of `doorward completions`.
pub const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  doorward completions zsh > _doorward         commands and flags
  source <(DOORWARD_COMPLETE=bash doorward)    also accounts, owners, units and scans of the local ledger";

/// The examples of `doorward man`.
pub const MAN_EXAMPLES: &str = "\
Examples:
  doorward man --out /usr/local/share/man/man1";

/// The examples of `doorward history prune`.
pub const PRUNE_EXAMPLES: &str = "\
Examples:
  doorward history prune --dry-run  what would be deleted
  doorward history prune            delete raw scans older than ledger.keep_months";

/// The examples of `doorward history diff`.
pub const DIFF_EXAMPLES: &str = "\
Examples:
  doorward history diff                            the newest two scans
  doorward history diff latest~3                   the newest scan and the third one before it
  doorward history diff 20261001 --owner payments  by the beginning of an id; one owner";

/// The examples of `doorward history`.
pub const HISTORY_EXAMPLES: &str = "\
Examples:
  doorward history                        trend and key figures
  doorward history --since 30d            of the last 30 days
  doorward history --by owner             a line for each owner
  doorward history --owner payments       one owner
  doorward history diff                   what changed between the newest two scans
  doorward history diff latest~3 latest   what changed since three scans before
  doorward history --format openmetrics   for a metrics collector";

/// The examples of `doorward event`.
pub const EVENT_EXAMPLES: &str = "\
Examples:
  doorward event < event.json                       an EventBridge event, a CloudTrail record, or a CloudTrail file
  doorward event --publish --notify < event.json    and send the findings to Security Hub and the owner
  doorward event --format json event.json
  doorward event --lambda                           in AWS Lambda: events, and scheduled scans (examples/lambda)";

/// The examples of `doorward plan`.
pub const PLAN_EXAMPLES: &str = "\
Examples:
  doorward plan                                       raise load balancers below the mode that policy requires
  doorward plan --from-advice --traffic traffic.json  raise each load balancer as far as its traffic supports now
  doorward plan --to strictest --owner payments --out payments.json
  doorward plan --drop-invalid --owner payments       remove header fields with invalid names, one load balancer first
  doorward plan --to strictest --insist \"ARN=agreed with the owner on 2026-11-20\"";

/// The examples of `doorward apply`.
pub const APPLY_EXAMPLES: &str = "\
Examples:
  doorward apply change-plan.json --dry-run           read every mode again; change nothing
  doorward apply change-plan.json --watch 30m         the canary first; each wave is watched, and rolled back if metrics get worse
  doorward apply change-plan.json --yes --reviewed change-plan.md
                                                      in a pipeline: the plan must be the reviewed one
  doorward apply change-plan.json --yes --hash HASH   the same, by the hash in the reviewed file";
