{{- define "fillstream.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Of a part: dict "root" $ "part" "processor". */}}
{{- define "fillstream.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "fillstream.labels" -}}
{{ include "fillstream.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "fillstream.image" -}}
image: {{ printf "%s-%s:%s" .root.Values.image.repository .part (default .root.Chart.AppVersion .root.Values.image.tag) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- end -}}

{{- define "fillstream.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "fillstream.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* How a part reaches Kafka and the registry, and logs in as itself. */}}
{{- define "fillstream.kafkaEnv" -}}
{{- $values := .root.Values -}}
{{- if $values.namespace }}
- { name: FILLSTREAM_NAMESPACE, value: {{ $values.namespace | quote }} }
{{- end }}
- { name: FILLSTREAM_KAFKA, value: {{ join "," $values.kafka.brokers | quote }} }
- { name: FILLSTREAM_REGISTRY, value: {{ $values.registry.url | quote }} }
{{- if $values.kafka.tls }}
- { name: FILLSTREAM_KAFKA_TLS, value: 'true' }
{{- end }}
{{- if $values.kafka.ca.secret }}
- { name: FILLSTREAM_KAFKA_CA, value: /run/secrets/fillstream/kafka-ca }
{{- end }}
{{- if $values.kafka.sasl.mechanism }}
- { name: FILLSTREAM_KAFKA_SASL, value: {{ $values.kafka.sasl.mechanism }} }
- { name: FILLSTREAM_KAFKA_USERNAME, value: {{ (get $values.kafka.sasl .part).username | quote }} }
- { name: FILLSTREAM_KAFKA_PASSWORD_FILE, value: /run/secrets/fillstream/kafka-password }
{{- end }}
{{- if $values.registry.ca.secret }}
- { name: FILLSTREAM_REGISTRY_CA, value: /run/secrets/fillstream/registry-ca }
{{- end }}
{{- if $values.registry.username }}
- { name: FILLSTREAM_REGISTRY_USERNAME, value: {{ $values.registry.username | quote }} }
- { name: FILLSTREAM_REGISTRY_PASSWORD_FILE, value: /run/secrets/fillstream/registry-password }
{{- end }}
{{- end -}}

{{/* With the login of "redis". */}}
{{- define "fillstream.redisEnv" -}}
{{- $redis := .root.Values.redis -}}
- { name: FILLSTREAM_REDIS, value: {{ join "," $redis.nodes | quote }} }
{{- if $redis.cluster }}
- { name: FILLSTREAM_REDIS_CLUSTER, value: 'true' }
{{- end }}
{{- if $redis.tls }}
- { name: FILLSTREAM_REDIS_TLS, value: 'true' }
{{- end }}
{{- if $redis.ca.secret }}
- { name: FILLSTREAM_REDIS_CA, value: /run/secrets/fillstream/redis-ca }
{{- end }}
{{- if .redis.username }}
- { name: FILLSTREAM_REDIS_USERNAME, value: {{ .redis.username | quote }} }
{{- end }}
{{- if .redis.secret }}
- { name: FILLSTREAM_REDIS_PASSWORD_FILE, value: /run/secrets/fillstream/redis-password }
{{- end }}
{{- end -}}

{{/* A part's passwords and authorities as files: dict "root" $ "part" "processor" "redis" (its login to Redis, or false). */}}
{{- define "fillstream.volumes" -}}
{{- $values := .root.Values -}}
{{- $files := list -}}
{{- with $values.kafka -}}
{{- if .ca.secret }}{{ $files = append $files (list .ca.secret .ca.key "kafka-ca") }}{{ end -}}
{{- if .sasl.mechanism }}{{ $files = append $files (list .sasl.secret (get .sasl $.part).key "kafka-password") }}{{ end -}}
{{- end -}}
{{- with $values.registry -}}
{{- if .ca.secret }}{{ $files = append $files (list .ca.secret .ca.key "registry-ca") }}{{ end -}}
{{- if .username }}{{ $files = append $files (list .secret .key "registry-password") }}{{ end -}}
{{- end -}}
{{- if .redis -}}
{{- with $values.redis -}}
{{- if .ca.secret }}{{ $files = append $files (list .ca.secret .ca.key "redis-ca") }}{{ end -}}
{{- end -}}
{{- with .redis -}}
{{- if .secret }}{{ $files = append $files (list .secret .key "redis-password") }}{{ end -}}
{{- end -}}
{{- end -}}
- name: tmp
  emptyDir: { sizeLimit: 512Mi }
{{- if $files }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $files }}
      - secret:
          name: {{ index . 0 | quote }}
          items:
            - { key: {{ index . 1 | quote }}, path: {{ index . 2 }} }
      {{- end }}
{{- end }}
{{- end -}}

{{- define "fillstream.mounts" -}}
{{- $values := .root.Values -}}
- { name: tmp, mountPath: /tmp }
{{- if or $values.kafka.ca.secret $values.kafka.sasl.mechanism $values.registry.ca.secret $values.registry.username (and .redis (or $values.redis.ca.secret (get (default dict .redis) "secret"))) }}
- { name: secrets, mountPath: /run/secrets/fillstream, readOnly: true }
{{- end }}
{{- end -}}

{{/* Of a named port. Served once it has joined its group; a rebuild is healthy, and not ready, and so is a gateway that still reads. */}}
{{- define "fillstream.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ . }} }
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: {{ . }} }
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 8
readinessProbe:
  httpGet: { path: /readyz, port: {{ . }} }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "fillstream.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
