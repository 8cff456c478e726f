# Where the service does not run there is no deployment, rather than one of no pods: from zero an
# autoscaler does not scale.
resource "kubernetes_deployment_v1" "this" {
  #checkov:skip=CKV_K8S_15:the image is pinned by digest, so a pull can give nothing else
  #checkov:skip=CKV_K8S_14:as above: a digest is no tag
  #checkov:skip=CKV_K8S_43:a validation of the variable asks for a digest, which Checkov cannot see
  #checkov:skip=CKV_K8S_11:no CPU limit: throttling makes tails, requests and node pools bound a pod
  count = var.active ? 1 : 0

  metadata {
    name      = var.name
    namespace = var.namespace
    labels    = local.labels
  }

  # No `replicas`: it begins with one pod, and from then on the autoscaler says how many.
  spec {
    selector {
      match_labels = { "app.kubernetes.io/name" = var.name }
    }

    strategy {
      type = "RollingUpdate"
      rolling_update {
        max_surge       = "25%"
        max_unavailable = "0"
      }
    }

    template {
      metadata {
        labels = local.labels
        # A file that changed makes new pods; variables do so by themselves.
        annotations = { "aviary/files" = sha256(jsonencode(var.config_map_files)) }
      }

      spec {
        service_account_name             = kubernetes_service_account_v1.this.metadata[0].name
        automount_service_account_token  = false
        termination_grace_period_seconds = var.termination_grace_s
        node_selector                    = { "aviary/class" = var.node_class }

        security_context {
          run_as_non_root = true
          run_as_user     = "65532"
          run_as_group    = "65532"
          fs_group        = "65532"
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }

        topology_spread_constraint {
          topology_key       = "topology.kubernetes.io/zone"
          max_skew           = 1
          when_unsatisfiable = "ScheduleAnyway"
          label_selector {
            match_labels = { "app.kubernetes.io/name" = var.name }
          }
        }

        container {
          name              = var.name
          image             = var.image
          image_pull_policy = "IfNotPresent"
          args              = coalesce(var.args, [var.name])

          port {
            container_port = var.port
            protocol       = "TCP"
          }

          dynamic "port" {
            for_each = var.extra_ports
            content {
              container_port = port.value
              protocol       = "TCP"
            }
          }

          dynamic "env" {
            for_each = local.environment
            content {
              name  = env.key
              value = env.value
            }
          }

          dynamic "env" {
            for_each = var.secrets
            content {
              name = env.key
              value_from {
                secret_key_ref {
                  name = local.secret_name
                  key  = env.key
                }
              }
            }
          }

          resources {
            requests = { cpu = var.resources.cpu, memory = var.resources.memory }
            limits   = { memory = var.resources.memory }
          }

          security_context {
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            run_as_non_root            = true
            capabilities {
              drop = ["ALL"]
            }
          }

          # Two minutes to come up: a service listens only once it can make ids.
          startup_probe {
            period_seconds    = 2
            failure_threshold = 60
            dynamic "grpc" {
              for_each = local.asks_health ? [local.health_port] : []
              content {
                port = grpc.value
              }
            }
            dynamic "tcp_socket" {
              for_each = local.asks_health ? [] : [var.port]
              content {
                port = tcp_socket.value
              }
            }
          }

          readiness_probe {
            period_seconds    = 5
            timeout_seconds   = 2
            failure_threshold = 2
            dynamic "grpc" {
              for_each = local.asks_health ? [local.health_port] : []
              content {
                port = grpc.value
              }
            }
            dynamic "tcp_socket" {
              for_each = local.asks_health ? [] : [var.port]
              content {
                port = tcp_socket.value
              }
            }
          }

          # Slower than readiness: a busy pod must lose its traffic before it loses its life.
          liveness_probe {
            period_seconds    = 10
            timeout_seconds   = 5
            failure_threshold = 6
            dynamic "tcp_socket" {
              for_each = [var.port]
              content {
                port = tcp_socket.value
              }
            }
          }

          volume_mount {
            name       = "scratch"
            mount_path = "/tmp"
          }

          dynamic "volume_mount" {
            for_each = local.certificates
            content {
              name       = "certificates"
              mount_path = local.certificates_folder
              read_only  = true
            }
          }

          dynamic "volume_mount" {
            for_each = kubernetes_config_map_v1.files
            content {
              name       = "files"
              mount_path = "/etc/aviary"
              read_only  = true
            }
          }
        }

        volume {
          name = "scratch"
          empty_dir {
            size_limit = "64Mi"
          }
        }

        # By the names of services/platform/security/tls.py.
        dynamic "volume" {
          for_each = local.certificates
          content {
            name = "certificates"
            projected {
              default_mode = "0440"
              sources {
                secret {
                  name = local.certificate_secret
                  items {
                    key  = "ca.crt"
                    path = "ca.pem"
                  }
                  items {
                    key  = "tls.crt"
                    path = "${var.name}.pem"
                  }
                  items {
                    key  = "tls.key"
                    path = "${var.name}.key"
                  }
                }
              }
              dynamic "sources" {
                for_each = kubernetes_config_map_v1.certificate_files
                content {
                  config_map {
                    name = sources.value.metadata[0].name
                  }
                }
              }
            }
          }
        }

        dynamic "volume" {
          for_each = kubernetes_config_map_v1.files
          content {
            name = "files"
            config_map {
              name = volume.value.metadata[0].name
            }
          }
        }
      }
    }
  }

  depends_on = [
    google_bigtable_table_iam_member.this,
    google_pubsub_subscription_iam_member.consumes,
    google_pubsub_topic_iam_member.publishes,
    google_service_account_iam_member.workload,
    kubernetes_manifest.certificate,
    kubernetes_manifest.secret,
  ]
}

resource "kubernetes_horizontal_pod_autoscaler_v2" "this" {
  count = var.active ? 1 : 0

  metadata {
    name      = var.name
    namespace = var.namespace
    labels    = local.labels
  }

  spec {
    min_replicas = var.scaling.min
    max_replicas = var.scaling.max

    scale_target_ref {
      api_version = "apps/v1"
      kind        = "Deployment"
      name        = kubernetes_deployment_v1.this[0].metadata[0].name
    }

    metric {
      type = "Resource"
      resource {
        name = "cpu"
        target {
          type                = "Utilization"
          average_utilization = var.scaling.cpu_percent
        }
      }
    }

    # Of several metrics the autoscaler takes the one that asks for most pods.
    dynamic "metric" {
      for_each = var.scaling.backlog_per_pod == null ? [] : var.pubsub.subscribes
      content {
        type = "External"
        external {
          metric {
            name = "pubsub.googleapis.com|subscription|num_undelivered_messages"
            selector {
              match_labels = { "resource.labels.subscription_id" = metric.value }
            }
          }
          target {
            type          = "AverageValue"
            average_value = tostring(var.scaling.backlog_per_pod)
          }
        }
      }
    }

    behavior {
      scale_up {
        stabilization_window_seconds = 0
        select_policy                = "Max"
        policy {
          type           = "Percent"
          value          = 100
          period_seconds = 30
        }
      }
      # Traffic that dips for a moment comes back.
      scale_down {
        stabilization_window_seconds = 300
        select_policy                = "Max"
        policy {
          type           = "Percent"
          value          = 20
          period_seconds = 60
        }
      }
    }
  }
}

resource "kubernetes_pod_disruption_budget_v1" "this" {
  metadata {
    name      = var.name
    namespace = var.namespace
    labels    = local.labels
  }

  spec {
    max_unavailable = "25%"
    selector {
      match_labels = { "app.kubernetes.io/name" = var.name }
    }
  }
}
