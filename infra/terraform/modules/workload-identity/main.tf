locals {
  # Regions have identities of their own, so that one can be cut off alone. An id has at most 30 characters, too few
  # for both names, so a digest of them tells accounts apart.
  digest     = substr(sha256("${var.namespace}/${var.name}/${var.region}"), 0, 6)
  account_id = "aviary-${var.name}-${local.digest}"
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
