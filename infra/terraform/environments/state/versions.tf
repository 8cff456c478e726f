terraform {
  required_version = ">= 1.9"

  # Its own state stays with whoever made the bucket: it is one bucket, and can be imported.
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 8.7, < 9.0"
    }
  }
}
