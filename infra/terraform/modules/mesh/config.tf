# What processes read: the variables and files of the base, with what only this environment knows.

locals {
  generated = concat(
    [for each in local.base.configMapGenerator : merge(each, { folder = local.base_folder })],
    [for each in local.sidecars.configMapGenerator : merge(each, { folder = local.sidecars_folder })],
  )

  # Kustomize writes a file under another name as `name=path`.
  files = {
    for each in local.generated : each.name => {
      for file in each.files : split("=", file)[0] => file("${each.folder}/${reverse(split("=", file))[0]}")
    } if can(each.files)
  }

  shared = { for line in regexall("(?m)^([A-Z_]+)=(.*)$", file("${local.base_folder}/config.env")) : line[0] => line[1] }

  config_maps = merge(local.files, {
    aviary = merge(local.shared, {
      AVIARY_SCHEMA               = "given"
      AVIARY_GCP_PROJECT          = var.project_id
      AVIARY_BIGTABLE_INSTANCE    = var.bigtable_instance
      AVIARY_BIGTABLE_APP_PROFILE = module.names.app_profile
      AVIARY_BUS_VISIBILITY_S     = tostring(module.names.ack_deadline_s)
      AVIARY_FIRST_PARTY_CLIENTS  = var.first_party_clients
      AVIARY_ISSUER_URL           = var.issuer_url
      AVIARY_LOG_LEVEL            = var.log_level
      AVIARY_MEDIA_BUCKET         = var.media_bucket == null ? "" : var.media_bucket
      AVIARY_PUBLIC_READS         = var.public_reads
      OTEL_EXPORTER_OTLP_ENDPOINT = var.collector_image == null ? "" : local.shared["OTEL_EXPORTER_OTLP_ENDPOINT"]
    })
    aviary-flags = { "flags.yaml" = coalesce(var.flags, local.files["aviary-flags"]["flags.yaml"]) }
    edge-envoy   = { "envoy.yaml" = var.edge_config }
    # All authorities of engines are where those of Valkey are.
    aviary-valkey-authorities = merge(
      { "authorities.pem" = var.valkey.certificate_authorities },
      { for authorities in compact(var.search[*].certificate_authorities) : "search.pem" => authorities },
    )
  })

  # Of services/platform/valkey/connection.py.
  valkey_options = "cluster=true&ssl_ca_certs=/etc/aviary/valkey/authorities.pem"
}

resource "kubernetes_config_map_v1" "this" {
  for_each = local.config_maps

  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.this.metadata[0].name
    labels    = { "app.kubernetes.io/part-of" = "aviary" }
  }
  data = each.value
}

# There is no password in these: whoever is in the network may use the servers.
resource "kubernetes_secret_v1" "valkey" {
  metadata {
    name      = "aviary-valkey"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
    labels    = { "app.kubernetes.io/part-of" = "aviary" }
  }
  data = {
    AVIARY_CACHE_VALKEY_URL = "rediss://${var.valkey.cache}/0?${local.valkey_options}"
    AVIARY_NONCE_VALKEY_URL = "rediss://${var.valkey.nonces}/0?${local.valkey_options}"
  }
}
