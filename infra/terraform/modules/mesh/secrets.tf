# The cluster copies the latest versions out of Secret Manager and keeps them fresh; values pass
# through neither Terraform nor its state. Pods read them at their start.

locals {
  # Kubernetes' secrets, by the names that pods refer to: what is copied, and under which key.
  copied = merge(
    { for variable, id in var.secrets : lower(replace(variable, "_", "-")) => { id = id, key = variable } },
    { aviary-signing-keys = { id = var.signing_keys, key = "signing.keys" } },
  )
  # No pod runs as it, so no pod can ask Secret Manager for anything.
  copier = "secret-copier"
}

data "google_project" "this" {
  project_id = var.project_id
}

resource "kubernetes_service_account_v1" "copier" {
  metadata {
    name      = local.copier
    namespace = kubernetes_namespace_v1.this.metadata[0].name
    labels    = { "app.kubernetes.io/part-of" = "aviary" }
  }
  automount_service_account_token = false
}

resource "google_secret_manager_secret_iam_member" "copier" {
  for_each  = local.copied
  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${var.workload_pool}/subject/ns/${var.namespace}/sa/${local.copier}"
}

resource "kubernetes_manifest" "secret_class" {
  for_each = local.copied

  manifest = {
    apiVersion = "secret-sync.gke.io/v1"
    kind       = "SecretProviderClass"
    metadata   = { name = each.key, namespace = var.namespace }
    spec = {
      provider = "gke"
      parameters = {
        secrets = yamlencode([{ resourceName = "${each.value.id}/versions/latest", path = each.value.key }])
      }
    }
  }

  depends_on = [kubernetes_namespace_v1.this]
}

resource "kubernetes_manifest" "secret" {
  for_each = local.copied

  manifest = {
    apiVersion = "secret-sync.gke.io/v1"
    kind       = "SecretSync"
    metadata   = { name = each.key, namespace = var.namespace }
    spec = {
      serviceAccountName      = local.copier
      secretProviderClassName = each.key
      secretObject = {
        type = "Opaque"
        data = [{ sourcePath = each.value.key, targetKey = each.value.key }]
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.copier,
    kubernetes_manifest.secret_class,
    kubernetes_service_account_v1.copier,
  ]
}
