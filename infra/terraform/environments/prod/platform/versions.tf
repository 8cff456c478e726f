terraform {
  required_version = ">= 1.9"

  # Give the bucket at init: terraform init -backend-config=bucket=NAME
  backend "gcs" {
    prefix = "aviary/prod/platform"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 8.7, < 9.0"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 8.7, < 9.0"
    }
  }
}
