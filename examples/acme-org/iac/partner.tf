provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["100000000021"]
}

resource "aws_lb" "partner_api" {
  name                   = "partner-api"
  desync_mitigation_mode = "monitor"

  access_logs {
    bucket  = "acme-log-archive-alb-eu-west-1"
    prefix  = "partner"
    enabled = true
  }
}
