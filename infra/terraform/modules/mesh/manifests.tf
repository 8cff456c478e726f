# What runs in the cluster is written once, in Python: tools/deploy makes these files from the services' declarations,
# and Kustomize reads the same. As an overlay would, this adds what only the environment knows.

locals {
  kubernetes      = "${path.module}/../../../../deploy/kubernetes"
  base_folder     = "${local.kubernetes}/base"
  cloud_folder    = "${local.kubernetes}/components/google-cloud"
  sidecars_folder = "${path.module}/../../../../envoy/sidecars"
  base            = yamldecode(file("${local.base_folder}/kustomization.yaml"))
  sidecars        = yamldecode(file("${local.sidecars_folder}/kustomization.yaml"))

  paths = concat(
    [for name in local.base.resources : "${local.base_folder}/${name}" if endswith(name, ".yaml")],
    ["${local.kubernetes}/components/cert-manager/certificates.yaml", "${local.cloud_folder}/network-policies.yaml"],
    var.collector_image == null ? [] : ["${local.cloud_folder}/collector.yaml"],
  )
  texts     = flatten([for path in local.paths : split("\n---\n", file(path))])
  documents = [for text in local.texts : yamldecode(text)]

  images = {
    aviary-services  = var.image
    aviary-envoy     = var.envoy_image
    aviary-collector = var.collector_image
  }

  # Where the services do not run there are no pods, rather than none of each: from zero an
  # autoscaler does not scale.
  of_pods = ["Deployment", "StatefulSet", "HorizontalPodAutoscaler"]
  placed = {
    for each in local.documents : "${each.kind}/${each.metadata.name}" => merge(each, {
      metadata = merge(each.metadata, { namespace = var.namespace })
    }) if var.active || !contains(local.of_pods, each.kind)
  }
  by_kind = { for key, each in local.placed : each.kind => key... }

  emails = merge(
    { for name, each in module.identity : name => each.email },
    { for each in module.collector_identity : "collector" => each.email },
  )
  accounts = {
    for key in local.by_kind["ServiceAccount"] : key => merge(local.placed[key], {
      metadata = merge(local.placed[key].metadata, {
        annotations = {
          for name, email in local.emails : "iam.gke.io/gcp-service-account" => email if name == local.placed[key].metadata.name
        }
      })
    })
  }

  certificates = {
    for key in local.by_kind["Certificate"] : key => merge(local.placed[key], {
      spec = merge(local.placed[key].spec, {
        issuerRef = merge(local.placed[key].spec.issuerRef, { name = var.certificate_issuer })
      })
    })
  }

  # The load balancer's endpoint groups: GKE makes one in each zone.
  edge_service = {
    "Service/edge" = merge(local.placed["Service/edge"], {
      metadata = merge(local.placed["Service/edge"].metadata, {
        annotations = {
          "cloud.google.com/neg" = jsonencode({
            exposed_ports = { (tostring(module.names.edge_port)) = { name = var.network_endpoint_group } }
          })
        }
      })
    })
  }

  way_to_valkey = {
    "NetworkPolicy/to-valkey" = merge(local.placed["NetworkPolicy/to-valkey"], {
      spec = merge(local.placed["NetworkPolicy/to-valkey"].spec, {
        egress = [
          for rule in local.placed["NetworkPolicy/to-valkey"].spec.egress :
          merge(rule, { to = [{ ipBlock = { cidr = var.valkey.range } }] })
        ]
      })
    })
  }

  way_to_search = {
    for search in var.search[*] : "NetworkPolicy/search-to-opensearch" => {
      apiVersion = "networking.k8s.io/v1"
      kind       = "NetworkPolicy"
      metadata = {
        name      = "search-to-opensearch"
        namespace = var.namespace
        labels    = { "app.kubernetes.io/part-of" = "aviary" }
      }
      spec = {
        podSelector = {
          matchLabels = { "app.kubernetes.io/name" = "search", "app.kubernetes.io/part-of" = "aviary" }
        }
        policyTypes = ["Egress"]
        egress = [{
          to    = [{ ipBlock = { cidr = search.range } }]
          ports = [{ protocol = "TCP", port = search.port }]
        }]
      }
    }
  }

  around_pods = merge(
    { for key, each in local.placed : key => each if !contains(local.of_pods, each.kind) },
    local.accounts,
    local.certificates,
    local.edge_service,
    local.way_to_search,
    local.way_to_valkey,
  )
}

resource "kubernetes_manifest" "around_pods" {
  for_each = local.around_pods
  manifest = each.value

  depends_on = [kubernetes_namespace_v1.this]
}
