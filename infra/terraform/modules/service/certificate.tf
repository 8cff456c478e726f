# A certificate for a week, renewed when two thirds of it are over; the process follows the files.

locals {
  certificates        = var.certificate == null ? [] : [var.certificate]
  certificates_folder = "/var/run/aviary/tls"
  certificate_secret  = "${var.name}-tls"
}

resource "kubernetes_manifest" "certificate" {
  count = length(local.certificates)

  manifest = {
    apiVersion = "cert-manager.io/v1"
    kind       = "Certificate"
    metadata   = { name = var.name, namespace = var.namespace }
    spec = {
      secretName  = local.certificate_secret
      duration    = "168h0m0s"
      renewBefore = "56h0m0s"
      uris        = [var.certificate.uri]
      dnsNames    = [var.certificate.dns_name]
      usages      = ["digital signature", "server auth", "client auth"]
      privateKey  = { algorithm = "ECDSA", size = 256, rotationPolicy = "Always" }
      issuerRef = {
        name  = var.certificate.issuer
        kind  = var.certificate.issuer_kind
        group = var.certificate.issuer_group
      }
    }
  }
}

resource "kubernetes_config_map_v1" "certificate_files" {
  count = anytrue([for each in local.certificates : length(each.files) > 0]) ? 1 : 0

  metadata {
    name      = "${var.name}-tls"
    namespace = var.namespace
    labels    = local.labels
  }
  data = var.certificate.files
}
