locals {
  # Regions have identities of their own, so that one can be cut off alone. At most 30 characters.
  short_region = replace(replace(replace(replace(var.region, "europe-", "eu"), "us-", "us"), "asia-", "as"), "-", "")
  account_id   = "${substr("aviary-${var.name}", 0, 17)}-${substr(local.short_region, 0, 12)}"
}

resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = local.account_id
  display_name = "Aviary ${var.name} in ${var.region}"
}

resource "google_service_account_iam_member" "workload" {
  service_account_id = google_service_account.this.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.workload_pool}[${var.namespace}/${var.name}]"
}
