variable "active" {
  description = "Whether this region runs the service. Where it does not, all is in place and no pod runs."
  type        = bool
  default     = true
}

variable "args" {
  description = "What the container is started with; by default the service's name, as `aviary` wants it."
  type        = list(string)
  default     = null
}

variable "bigtable" {
  description = "Instance, and the tables the service reads and writes."
  type = object({
    instance = string
    tables   = list(string)
  })
  default = null
}

variable "certificate" {
  description = "The process's certificate, which cert-manager makes and renews: who signs it, the one URI and DNS name in it, and further files for its folder. Plaintext without one."
  type = object({
    issuer       = string
    issuer_kind  = optional(string, "ClusterIssuer")
    issuer_group = optional(string, "cert-manager.io")
    uri          = string
    dns_name     = string
    files        = optional(map(string), {})
  })
  default = null
  validation {
    condition     = var.certificate == null ? true : startswith(var.certificate.uri, "spiffe://")
    error_message = "The URI is a SPIFFE id."
  }
}

variable "config_map_files" {
  description = "Files to mount under /etc/aviary: name to content. No secrets."
  type        = map(string)
  default     = {}
}

variable "environment" {
  description = "Environment variables; see services/platform/config/settings.py. No secrets."
  type        = map(string)
  default     = {}
}

variable "extra_ports" {
  description = "Ports of the service's further listeners."
  type        = list(number)
  default     = []
  validation {
    condition     = alltrue([for port in var.extra_ports : port > 1023 && port < 65536 && port != var.port])
    error_message = "An extra port is 1024 to 65535, and not the service's own."
  }
}

variable "image" {
  description = "Image, by digest: what runs is what was tested."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image is named by its digest: name@sha256:..."
  }
}

variable "name" {
  description = "Name of the service."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}$", var.name))
    error_message = "The name begins with a letter and has at most 15 of a-z, 0-9 and -."
  }
}

variable "namespace" {
  description = "Kubernetes namespace of the service."
  type        = string
}

variable "network_endpoint_group" {
  description = "Name of the network endpoint groups that the load balancer sends to; none without it."
  type        = string
  default     = null
}

variable "node_class" {
  description = "Node pool to run on, by its label `aviary/class`."
  type        = string
}

variable "port" {
  description = "Port of the service."
  type        = number
  validation {
    condition     = var.port > 1023 && var.port < 65536
    error_message = "The port is 1024 to 65535: the container is not root."
  }
}

variable "probe" {
  description = "How Kubernetes asks for health: `grpc` for the standard health check, `tcp` for whether the port is open. With a certificate it is `tcp`, since Kubernetes has none to show, unless there is a `probe_port`."
  type        = string
  default     = "grpc"
  validation {
    condition     = contains(["grpc", "tcp"], var.probe)
    error_message = "The probe is grpc or tcp."
  }
}

variable "probe_port" {
  description = "Port where the service answers health checks, and nothing else, without a certificate."
  type        = number
  default     = null
}

variable "project_id" {
  description = "Project of the service's identity."
  type        = string
}

variable "pubsub" {
  description = "Topics the service publishes to, subscriptions it consumes, and subscriptions whose dead letters it lists and redrives."
  type = object({
    publishes          = optional(list(string), [])
    subscribes         = optional(list(string), [])
    dead_letters       = optional(list(string), [])
    dead_letter_suffix = optional(string, ".dead")
  })
  default = {}
}

variable "region" {
  description = "Region of the cluster; part of the identity's name."
  type        = string
}

variable "resources" {
  description = "What one pod has. Python uses one core: more CPU wants more pods."
  type = object({
    cpu    = optional(string, "1")
    memory = optional(string, "512Mi")
  })
  default = {}
}

variable "scaling" {
  description = "Bounds of the number of pods, and what moves it: CPU in percent of what was asked for, and, for consumers, messages waiting for each pod in any of the subscriptions."
  type = object({
    min             = optional(number, 2)
    max             = optional(number, 10)
    cpu_percent     = optional(number, 60)
    backlog_per_pod = optional(number)
  })
  default = {}
  validation {
    condition     = var.scaling.min >= 1 && var.scaling.min <= var.scaling.max
    error_message = "The least number of pods is 1 to the greatest."
  }
}

variable "schema_role" {
  description = "Role that lets the service look, at its start, whether its tables and subscriptions are there."
  type        = string
  default     = null
}

variable "secrets" {
  description = "Environment variables to ids of secrets in Secret Manager."
  type        = map(string)
  default     = {}
}

variable "termination_grace_s" {
  description = "Seconds from SIGTERM to SIGKILL; above what a drain takes."
  type        = number
  default     = 45
}

variable "workload_pool" {
  description = "Workload identity pool of the cluster."
  type        = string
}
