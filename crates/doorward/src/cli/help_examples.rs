//! Examples at the end of help.

/// Those of `doorward`.
pub(super) const EXAMPLES: &str = "\
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

/// Those of `doorward scan`.
pub(super) const SCAN_EXAMPLES: &str = "\
Examples:
  doorward scan                                            the organization of the current credentials, as a table
  doorward scan --role-name audit --ou /Prod               another role, one organizational unit
  doorward scan --format html=scan.html --format json=scan.json --save scan.saved
  doorward scan --format evidence=evidence --signing-key key.pem
  doorward scan --resume                                   continue an interrupted scan
  doorward scan --shard 3/16 --save part-3.json            one share of sixteen, for `doorward merge`";

/// Those of `doorward merge`.
pub(super) const MERGE_EXAMPLES: &str = "\
Examples:
  doorward merge part-*.json                               the table of the whole scan; recorded in the ledger
  doorward merge --discovered plan.json part-{1..16}.json --format html=scan.html
  doorward merge part-*.json --save scan.saved --publish";

/// Those of `doorward report`.
pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  doorward report --from scan.saved                        the table of a saved scan
  doorward report --from scan.saved --format html=scan.html
  doorward report --from scan.saved --owner payments --severity high
  doorward report --from scan.saved --judge-again          by the current settings";
