provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { owner = "storefront", environment = "prod" }
  }
}

# Below what production requires.
resource "aws_lb" "shop" {
  name                   = "shop"
  load_balancer_type     = "application"
  desync_mitigation_mode = "defensive"

  access_logs {
    bucket  = "acme-alb-logs"
    enabled = true
  }
}

# The module is told.
module "edge" {
  source = "./modules/edge"
  mode   = "strictest"
}

# Not set: the module and the provider leave it at defensive.
module "alb" {
  source  = "terraform-aws-modules/alb/aws"
  version = "~> 9.0"

  name        = "partners"
  access_logs = { bucket = "acme-alb-logs" }
}

# Only a run knows.
resource "aws_lb" "tuned" {
  name                   = "tuned"
  desync_mitigation_mode = data.aws_ssm_parameter.mode.value

  access_logs {
    bucket  = "acme-alb-logs"
    enabled = true
  }
}

data "aws_ssm_parameter" "mode" {
  name = "/edge/desync-mode"
}
