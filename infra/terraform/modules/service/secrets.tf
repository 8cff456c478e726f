# The cluster copies the latest versions out of Secret Manager and keeps them fresh; values pass
# through neither Terraform nor its state. Pods read them at their start.

resource "kubernetes_manifest" "provider_class" {
  count = length(var.secrets) > 0 ? 1 : 0

  manifest = {
    apiVersion = "secret-sync.gke.io/v1"
    kind       = "SecretProviderClass"
    metadata   = { name = local.secret_name, namespace = var.namespace }
    spec = {
      provider = "gke"
      parameters = {
        secrets = yamlencode([
          for variable, id in var.secrets : { resourceName = "${id}/versions/latest", path = variable }
        ])
      }
    }
  }
}

resource "kubernetes_manifest" "secret" {
  count = length(var.secrets) > 0 ? 1 : 0

  manifest = {
    apiVersion = "secret-sync.gke.io/v1"
    kind       = "SecretSync"
    metadata   = { name = local.secret_name, namespace = var.namespace }
    spec = {
      serviceAccountName      = kubernetes_service_account_v1.this.metadata[0].name
      secretProviderClassName = local.secret_name
      secretObject = {
        type = "Opaque"
        data = [for variable in keys(var.secrets) : { sourcePath = variable, targetKey = variable }]
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.this,
    kubernetes_manifest.provider_class,
  ]
}
