variable "active" {
  description = "Whether this region runs the services. At most one may: see the README."
  type        = bool
  default     = true
}

variable "bigtable_instance" {
  description = "Instance that holds the tables."
  type        = string
}

variable "certificate_issuer" {
  description = "cert-manager's ClusterIssuer that signs the processes' certificates."
  type        = string
  default     = "aviary-mesh"
}

variable "collector_image" {
  description = "OpenTelemetry collector with Google's exporters (the contrib distribution), by digest; without it services export nothing."
  type        = string
  default     = null
  validation {
    condition     = var.collector_image == null ? true : can(regex("@sha256:[0-9a-f]{64}$", var.collector_image))
    error_message = "The image is named by its digest: name@sha256:..."
  }
}

variable "default_node_class" {
  description = "Node pool of services that name none."
  type        = string
  default     = "general"
}

variable "edge_config" {
  description = "The edge's configuration for this site, as `python -m tools.deploy site` makes it."
  type        = string
  validation {
    condition     = try(regex("(?m)^ +aviary:\\n +issuer: (\\S+)$", var.edge_config)[0] == var.issuer_url, false)
    error_message = "The edge takes another issuer for ours than the services do: make its configuration again."
  }
}

variable "envoy_image" {
  description = "Envoy for the edge and the sidecars, by digest."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.envoy_image))
    error_message = "The image is named by its digest: name@sha256:..."
  }
}

variable "first_party_clients" {
  description = "Client ids of our own apps, separated by commas."
  type        = string
  default     = ""
}

variable "flags" {
  description = "YAML of feature flags, which services read again when it changes; as in the code without it."
  type        = string
  default     = null
}

variable "image" {
  description = "Aviary, by digest: one image for all services, so that what runs is what was tested."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image is named by its digest: name@sha256:..."
  }
}

variable "issuer_url" {
  description = "What tokens name as their issuer: the edge's public URL, without a path."
  type        = string
  validation {
    condition     = can(regex("^https://[^/?#@]+$", var.issuer_url))
    error_message = "The issuer's URL is https://NAME, without a path."
  }
}

variable "media_bucket" {
  description = "Bucket of pictures; without one, each pod of the media service keeps those that it took, and they end with it."
  type        = string
  default     = null
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

variable "project_id" {
  description = "Project of identities, topics and tables."
  type        = string
}

variable "public_reads" {
  description = "Whether what is public can be read without a token, `on` or `off`: as the edge's configuration has it, which the gateway would else undo."
  type        = string
  default     = "off"
  validation {
    condition     = contains(["on", "off"], var.public_reads)
    error_message = "Public reads are on or off."
  }
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

variable "search" {
  description = "OpenSearch for the index of tweets, if there is one: addresses and port that the search service's pods may reach, and the authorities of its certificate where they are its own. Its URL is the secret `AVIARY_SEARCH_URL`."
  type = object({
    range                   = string
    port                    = optional(number, 9200)
    certificate_authorities = optional(string)
  })
  default = null
}

variable "secrets" {
  description = "Environment variables to ids of secrets in Secret Manager. Pods get those that they refer to."
  type        = map(string)
  default     = {}
}

variable "signing_keys" {
  description = "Id of the secret that holds the keys by which processes sign their requests."
  type        = string
}

variable "sizes" {
  description = "What departs from the manifests, by service (or `edge`, `collector`): node pool, resources of a pod, bounds of scaling, and messages waiting for each pod in any of the subscriptions."
  type = map(object({
    node_class = optional(string)
    resources = optional(object({
      cpu    = optional(string)
      memory = optional(string)
    }), {})
    scaling = optional(object({
      min             = optional(number)
      max             = optional(number)
      backlog_per_pod = optional(number)
    }), {})
  }))
  default = {}
  validation {
    condition     = alltrue([for each in values(var.sizes) : each.scaling.min == null ? true : each.scaling.min >= 1])
    error_message = "The least number of pods is 1 or more."
  }
}

variable "valkey" {
  description = "The region's Valkey clusters as host:port, one that caches and one that remembers nonces and so must not evict; PEM of the authorities that signed their certificates; the addresses that they are in."
  type = object({
    cache                   = string
    nonces                  = string
    certificate_authorities = string
    range                   = string
  })
}

variable "workload_pool" {
  description = "Workload identity pool of the cluster."
  type        = string
}
