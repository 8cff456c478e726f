module "names" {
  source = "../names"
}

locals {
  services         = module.names.services
  authorities_file = "valkey-authorities.pem"

  # Where siblings dial. Every process is given all of them; its own is where it listens.
  addresses = {
    for name, service in local.services : name => "${name}.${var.namespace}.svc.cluster.local:${service.port}"
  }

  # Of listeners beside the gRPC one, such as the issuer's for HTTP.
  extra_addresses = merge(flatten([
    for name, service in local.services : [
      for variable, port in service.extra_ports : { (variable) = "${name}.${var.namespace}.svc.cluster.local:${port}" }
    ]
  ])...)

  # One for each process, with its one name in it.
  certificates = {
    for name in concat(keys(local.services), ["edge"]) : name => var.certificate_issuer == null ? null : {
      issuer   = var.certificate_issuer
      uri      = "spiffe://${module.names.trust_domain}/${name}"
      dns_name = "${name}.${module.names.server_domain}"
      files    = name == "edge" ? local.envoy_secrets : {}
    }
  }
  # Envoy follows its certificate by these, as gateway/envoy/secrets.py writes them.
  certificates_folder = "/var/run/aviary/tls"
  envoy_secret        = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
  envoy_secrets = {
    "edge.sds.yaml" = yamlencode({
      resources = [{
        "@type" = local.envoy_secret
        name    = "edge"
        tls_certificate = {
          certificate_chain = { filename = "${local.certificates_folder}/edge.pem" }
          private_key       = { filename = "${local.certificates_folder}/edge.key" }
        }
      }]
    })
    "trust.sds.yaml" = yamlencode({
      resources = [{
        "@type"            = local.envoy_secret
        name               = "trust"
        validation_context = { trusted_ca = { filename = "${local.certificates_folder}/ca.pem" } }
      }]
    })
  }

  shared_environment = merge(
    {
      AVIARY_STORAGE              = "bigtable"
      AVIARY_BUS                  = "pubsub"
      AVIARY_SCHEMA               = "given"
      AVIARY_GCP_PROJECT          = var.project_id
      AVIARY_BIGTABLE_INSTANCE    = var.bigtable_instance
      AVIARY_BIGTABLE_APP_PROFILE = module.names.app_profile
      AVIARY_BUS_VISIBILITY_S     = tostring(module.names.ack_deadline_s)
      AVIARY_LOG_LEVEL            = var.log_level
      AVIARY_ISSUER_URL           = var.issuer_url
      AVIARY_PROBE_ADDRESS        = "0.0.0.0:${module.names.probe_port}"
      # Where pods may write. It goes with the pod.
      AVIARY_DATA_DIR = "/tmp/aviary"
      # redis-py's own option, by the way of services/platform/valkey/connection.py.
      AVIARY_CACHE_VALKEY_URL = "rediss://${var.cache.address}/0?cluster=true&ssl_ca_certs=/etc/aviary/${local.authorities_file}"
    },
    var.collector_image == null ? {} : {
      OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector.${var.namespace}.svc.cluster.local:${local.collector_port}"
    },
  )
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name = var.namespace
    labels = {
      "app.kubernetes.io/part-of"          = "aviary"
      "pod-security.kubernetes.io/enforce" = "restricted"
    }
  }
}

module "service" {
  source   = "../service"
  for_each = local.services

  name          = each.key
  active        = var.active
  project_id    = var.project_id
  region        = var.region
  workload_pool = var.workload_pool
  namespace     = kubernetes_namespace_v1.this.metadata[0].name
  image         = var.image
  port          = each.value.port
  probe_port    = module.names.probe_port
  schema_role   = var.schema_role
  secrets       = { for variable, id in var.secrets : variable => id if contains(each.value.secrets, variable) }
  extra_ports   = values(each.value.extra_ports)
  certificate   = local.certificates[each.key]

  environment = merge(
    local.shared_environment,
    { for name, address in local.addresses : "AVIARY_${upper(name)}_ADDRESS" => address },
    local.extra_addresses,
    { "AVIARY_${upper(each.key)}_ADDRESS" = "0.0.0.0:${each.value.port}" },
    { for variable, port in each.value.extra_ports : variable => "0.0.0.0:${port}" },
  )

  config_map_files = each.value.uses_cache ? {
    (local.authorities_file) = var.cache.certificate_authorities
  } : {}

  bigtable = length(each.value.tables) == 0 ? null : {
    instance = var.bigtable_instance
    tables   = each.value.tables
  }

  pubsub = {
    publishes          = each.value.publishes
    subscribes         = each.value.subscribes
    dead_letters       = each.key == module.names.dead_letter_operator ? keys(module.names.subscriptions) : []
    dead_letter_suffix = module.names.dead_letter_suffix
  }

  node_class = try(coalesce(var.sizes[each.key].node_class), var.default_node_class)
  resources  = try(var.sizes[each.key].resources, {})
  scaling    = try(var.sizes[each.key].scaling, {})
}

# Envoy: the one thing that the load balancer can reach.
module "edge" {
  source = "../service"

  name                   = "edge"
  active                 = var.active
  project_id             = var.project_id
  region                 = var.region
  workload_pool          = var.workload_pool
  namespace              = kubernetes_namespace_v1.this.metadata[0].name
  image                  = var.edge_image
  args                   = []
  port                   = module.names.edge_port
  probe                  = "tcp"
  network_endpoint_group = var.network_endpoint_group
  certificate            = local.certificates["edge"]

  node_class = try(coalesce(var.sizes["edge"].node_class), var.default_node_class)
  resources  = try(var.sizes["edge"].resources, {})
  scaling    = try(var.sizes["edge"].scaling, {})

  depends_on = [module.service]
}
