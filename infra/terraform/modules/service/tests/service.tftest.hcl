mock_provider "google" {
  source = "../../mocks"
}

mock_provider "kubernetes" {}

variables {
  name          = "fanout"
  project_id    = "my-project"
  region        = "europe-west1"
  workload_pool = "my-project.svc.id.goog"
  namespace     = "aviary"
  node_class    = "workers"
  port          = 50055
  image         = "example.com/aviary@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  bigtable      = { instance = "aviary-rows", tables = ["home"] }
  pubsub        = { publishes = ["fanout-rest"], subscribes = ["fanout.plan"], dead_letters = ["tweet.erasure"] }
  scaling       = { min = 2, max = 20, backlog_per_pod = 500 }
}

run "it_may_use_what_it_needs_and_no_more" {
  command = plan

  assert {
    condition = jsonencode(output.grants) == jsonencode({
      tables     = ["home"]
      publishes  = ["fanout-rest", "fanout.plan.dead"]
      subscribes = ["fanout.plan", "tweet.erasure.dead"]
    })
    error_message = "Grants are not what was asked for."
  }
  assert {
    condition     = length(google_project_iam_member.declarer) == 0
    error_message = "It has a role on the project that nobody asked for."
  }
}

run "it_scales_by_its_backlog" {
  command = plan

  assert {
    condition     = toset([for metric in kubernetes_horizontal_pod_autoscaler_v2.this[0].spec[0].metric : metric.type]) == toset(["Resource", "External"])
    error_message = "It does not follow its backlog."
  }
}

run "pods_are_nobody" {
  command = plan

  assert {
    condition     = kubernetes_deployment_v1.this[0].spec[0].template[0].spec[0].container[0].security_context[0].read_only_root_filesystem
    error_message = "Pods can write to their image."
  }
  assert {
    condition     = kubernetes_deployment_v1.this[0].spec[0].template[0].spec[0].security_context[0].run_as_non_root
    error_message = "Pods may be root."
  }
}

run "standing_by_is_no_pod_but_all_grants" {
  command = plan
  variables {
    active = false
  }

  assert {
    condition     = length(kubernetes_deployment_v1.this) == 0 && length(kubernetes_horizontal_pod_autoscaler_v2.this) == 0
    error_message = "Pods run in a region that stands by."
  }
  assert {
    condition     = output.grants.tables == tolist(["home"])
    error_message = "A failover would have to wait for grants."
  }
}

run "an_image_is_named_by_digest" {
  command = plan
  variables {
    image = "example.com/aviary:latest"
  }
  expect_failures = [var.image]
}

run "with_a_certificate_nothing_is_in_the_clear" {
  command = plan
  variables {
    certificate = { issuer = "aviary-mesh", uri = "spiffe://aviary.local/fanout", dns_name = "fanout.aviary.internal" }
  }

  assert {
    condition     = contains([for each in kubernetes_deployment_v1.this[0].spec[0].template[0].spec[0].container[0].env : each.name], "AVIARY_TLS_DIR")
    error_message = "The process is not told of its certificate."
  }
  assert {
    condition     = length(kubernetes_deployment_v1.this[0].spec[0].template[0].spec[0].container[0].readiness_probe[0].grpc) == 0
    error_message = "Kubernetes would be refused: it has no certificate."
  }
}

run "health_is_asked_for_where_no_certificate_is_wanted" {
  command = plan
  variables {
    certificate = { issuer = "aviary-mesh", uri = "spiffe://aviary.local/fanout", dns_name = "fanout.aviary.internal" }
    probe_port  = 8081
  }

  assert {
    condition     = kubernetes_deployment_v1.this[0].spec[0].template[0].spec[0].container[0].readiness_probe[0].grpc[0].port == 8081
    error_message = "Kubernetes asks a port that wants a certificate."
  }
  assert {
    condition     = length(kubernetes_deployment_v1.this[0].spec[0].template[0].spec[0].container[0].readiness_probe[0].tcp_socket) == 0
    error_message = "An open port is taken for health."
  }
}

run "further_listeners_can_be_dialled" {
  command = plan
  variables {
    extra_ports = [50059]
  }

  assert {
    condition     = [for each in kubernetes_service_v1.this.spec[0].port : each.port] == [50055, 50059]
    error_message = "The service hides a listener."
  }
}

run "a_port_is_listened_on_once" {
  command = plan
  variables {
    extra_ports = [50055]
  }
  expect_failures = [var.extra_ports]
}

run "a_certificate_names_a_process" {
  command = plan
  variables {
    certificate = { issuer = "aviary-mesh", uri = "https://fanout", dns_name = "fanout.aviary.internal" }
  }
  expect_failures = [var.certificate]
}
