variable "mode" {
  type    = string
  default = "defensive"
}

resource "aws_lb" "this" {
  name                   = "edge"
  desync_mitigation_mode = var.mode

  access_logs {
    bucket  = "acme-alb-logs"
    enabled = true
  }
}
