# Pods and how many of them there are, with what an environment says of their sizes.

locals {
  sizes = {
    for key, each in local.placed : each.metadata.name => {
      node_class = try(coalesce(var.sizes[each.metadata.name].node_class), var.default_node_class)
      cpu        = try(var.sizes[each.metadata.name].resources.cpu, null)
      memory     = try(var.sizes[each.metadata.name].resources.memory, null)
      min        = try(var.sizes[each.metadata.name].scaling.min, null)
      max        = try(var.sizes[each.metadata.name].scaling.max, null)
      backlog    = try(var.sizes[each.metadata.name].scaling.backlog_per_pod, null)
    } if contains(["Deployment", "StatefulSet"], each.kind)
  }
  subscriptions = { for name, each in module.names.services : name => each.subscribes }

  # What pods read when they start; what they read again when it changes is not in it.
  read_at_start = { for name, data in local.config_maps : name => sha256(jsonencode(data)) if name != "aviary-flags" }

  workloads = {
    for key, each in local.placed : key => merge(each, {
      spec = merge(each.spec, {
        template = merge(each.spec.template, {
          metadata = merge(each.spec.template.metadata, {
            annotations = merge(try(each.spec.template.metadata.annotations, {}), {
              # A file that changed makes new pods.
              "aviary/files" = sha256(jsonencode([
                for name, digest in local.read_at_start : digest if strcontains(jsonencode(each.spec), "\"${name}\"")
              ]))
            })
          })
          spec = merge(each.spec.template.spec, {
            nodeSelector = { "aviary/class" = local.sizes[each.metadata.name].node_class }
            containers = [for container in each.spec.template.spec.containers : merge(container, {
              image = local.images[container.image]
              resources = {
                requests = merge(container.resources.requests, {
                  for name in ["cpu", "memory"] : name => local.sizes[each.metadata.name][name]
                  if local.sizes[each.metadata.name][name] != null
                })
                # A limit of CPU would be below what a larger pod asks for: its node bounds it.
                limits = merge(
                  { for name, most in container.resources.limits : name => most if name != "cpu" || local.sizes[each.metadata.name].cpu == null },
                  { for name in ["memory"] : name => local.sizes[each.metadata.name].memory if local.sizes[each.metadata.name].memory != null },
                )
              }
            })]
            }, {
            for name in ["initContainers"] : name => [
              for container in each.spec.template.spec[name] : merge(container, { image = local.images[container.image] })
            ] if can(each.spec.template.spec[name])
          })
        })
      })
    }) if contains(["Deployment", "StatefulSet"], each.kind)
  }

  autoscalers = {
    for key, each in local.placed : key => merge(each, {
      spec = merge(each.spec, {
        minReplicas = coalesce(local.sizes[each.metadata.name].min, each.spec.minReplicas)
        maxReplicas = coalesce(local.sizes[each.metadata.name].max, each.spec.maxReplicas)
        # Of several metrics the autoscaler takes the one that asks for most pods.
        metrics = concat(each.spec.metrics, [
          for subscription in try(local.subscriptions[each.metadata.name], []) : {
            type = "External"
            external = {
              metric = {
                name     = "pubsub.googleapis.com|subscription|num_undelivered_messages"
                selector = { matchLabels = { "resource.labels.subscription_id" = subscription } }
              }
              target = { type = "AverageValue", averageValue = tostring(local.sizes[each.metadata.name].backlog) }
            }
          } if local.sizes[each.metadata.name].backlog != null
        ])
      })
    }) if each.kind == "HorizontalPodAutoscaler"
  }
}

resource "kubernetes_manifest" "workload" {
  for_each = local.workloads
  manifest = each.value

  # An apply ends when what it changed runs, or fails.
  wait {
    rollout = true
  }

  depends_on = [
    kubernetes_config_map_v1.this,
    kubernetes_manifest.around_pods,
    kubernetes_manifest.secret,
    kubernetes_secret_v1.valkey,
    module.collector_identity,
    module.identity,
  ]
}

resource "kubernetes_manifest" "autoscaler" {
  for_each = local.autoscalers
  manifest = each.value

  depends_on = [kubernetes_manifest.workload]
}
