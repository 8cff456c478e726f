variable "active" {
  description = "Whether this region runs the services. At most one may: see the README."
  type        = bool
  default     = true
}

variable "bigtable_instance" {
  description = "Instance that holds the tables."
  type        = string
}

variable "cache" {
  description = "The region's Valkey cluster: host:port, and PEM of the authorities that signed its certificates."
  type = object({
    address                 = string
    certificate_authorities = string
  })
}

variable "certificate_issuer" {
  description = "cert-manager's ClusterIssuer that signs the processes' certificates."
  type        = string
  default     = null
  validation {
    condition     = (var.certificate_issuer == null) == var.plaintext
    error_message = "Name an issuer, or say that plaintext is meant; not both."
  }
}

variable "collector_image" {
  description = "OpenTelemetry collector with Google's exporters (the contrib distribution), by digest; without it services export nothing."
  type        = string
  default     = null
}

variable "default_node_class" {
  description = "Node pool of services that name none."
  type        = string
  default     = "general"
}

variable "edge_image" {
  description = "Envoy with Aviary's configuration, by digest."
  type        = string
}

variable "image" {
  description = "Aviary, by digest: one image for all services."
  type        = string
}

variable "issuer_url" {
  description = "What tokens name as their issuer: the edge's public URL, without a path."
  type        = string
  validation {
    condition     = can(regex("^https://[^/?#@]+$", var.issuer_url))
    error_message = "The issuer's URL is https://NAME, without a path."
  }
}

variable "log_level" {
  description = "Least severity that is logged."
  type        = string
  default     = "info"
  validation {
    condition     = contains(["debug", "info", "warning", "error"], var.log_level)
    error_message = "The level is debug, info, warning or error."
  }
}

variable "namespace" {
  description = "Kubernetes namespace to make for all of it."
  type        = string
  default     = "aviary"
}

variable "network_endpoint_group" {
  description = "Name of the edge's network endpoint groups, one in each zone."
  type        = string
  default     = "aviary-edge"
}

variable "plaintext" {
  description = "Whether services speak in the clear, and with whoever reaches them."
  type        = bool
  default     = false
}

variable "project_id" {
  description = "Project of identities, topics and tables."
  type        = string
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "schema_role" {
  description = "Role that lets services look, at their start, whether their tables and subscriptions are there."
  type        = string
  default     = null
}

variable "secrets" {
  description = "Environment variables to ids of secrets. A service gets those that it reads."
  type        = map(string)
  default     = {}
}

variable "sizes" {
  description = "What departs from the defaults, by service (or `edge`, `collector`): node pool, resources of a pod and scaling."
  type = map(object({
    node_class = optional(string)
    resources = optional(object({
      cpu    = optional(string, "1")
      memory = optional(string, "512Mi")
    }), {})
    scaling = optional(object({
      min             = optional(number, 2)
      max             = optional(number, 10)
      cpu_percent     = optional(number, 60)
      backlog_per_pod = optional(number)
    }), {})
  }))
  default = {}
}

variable "workload_pool" {
  description = "Workload identity pool of the cluster."
  type        = string
}
