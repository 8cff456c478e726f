# The platform's stage is applied first; this reads what it left, and nothing else of it.
data "terraform_remote_state" "platform" {
  backend = "gcs"
  config = {
    bucket = var.state_bucket
    prefix = "aviary/dev/platform"
  }
}

locals {
  platform = data.terraform_remote_state.platform.outputs.platform
}

data "google_client_config" "this" {}
