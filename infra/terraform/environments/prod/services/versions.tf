terraform {
  required_version = ">= 1.9"

  # Give the bucket at init: terraform init -backend-config=bucket=NAME
  backend "gcs" {
    prefix = "aviary/prod/services"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 8.7, < 9.0"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 3.4, < 4.0"
    }
  }
}
