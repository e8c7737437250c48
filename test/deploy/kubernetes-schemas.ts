import { z } from 'zod';

// Only what our manifests use of each kind, and strict: a misspelt or misplaced field is refused, as the API server's
// strict validation would (Kubernetes 1.32 and KEDA 2).
const Name = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
const Labels = z.record(z.string(), z.string());
const Metadata = z.strictObject({ name: Name, labels: Labels.optional() });
const Selector = z.strictObject({ matchLabels: Labels });
const Count = z.int().min(0);
/** A port by its number, or by the name of a container's. */
const PortRef = z.union([z.int().min(1).max(65_535), z.string().max(15)]);
const NamedRef = z.strictObject({ name: Name });

const Probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string().startsWith('/'), port: PortRef }),
  periodSeconds: Count.optional(),
  timeoutSeconds: Count.optional(),
  failureThreshold: Count.optional(),
});
const Quantities = z.strictObject({
  cpu: z
    .string()
    .regex(/^\d+m?$/)
    .optional(),
  memory: z
    .string()
    .regex(/^\d+[KMG]i$/)
    .optional(),
});
const Container = z.strictObject({
  name: Name,
  image: z.string(),
  command: z.array(z.string()),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  envFrom: z.array(z.union([z.strictObject({ configMapRef: NamedRef }), z.strictObject({ secretRef: NamedRef })])),
  ports: z.array(z.strictObject({ name: z.string().max(15), containerPort: z.int().min(1).max(65_535) })),
  startupProbe: Probe,
  livenessProbe: Probe,
  readinessProbe: Probe,
  lifecycle: z.strictObject({ preStop: z.strictObject({ sleep: z.strictObject({ seconds: Count }) }) }).optional(),
  resources: z.strictObject({ requests: Quantities, limits: Quantities }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
});

export const Deployment = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('Deployment'),
  metadata: Metadata,
  spec: z.strictObject({
    replicas: Count,
    selector: Selector,
    strategy: z.strictObject({ rollingUpdate: z.strictObject({ maxUnavailable: Count }) }).optional(),
    template: z.strictObject({
      metadata: z.strictObject({ labels: Labels }),
      spec: z.strictObject({
        serviceAccountName: Name,
        automountServiceAccountToken: z.literal(false),
        terminationGracePeriodSeconds: Count,
        securityContext: z.strictObject({
          runAsNonRoot: z.literal(true),
          runAsUser: z.int().min(1),
          runAsGroup: z.int().min(1),
          seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
        }),
        topologySpreadConstraints: z.array(
          z.strictObject({
            maxSkew: z.int().min(1),
            topologyKey: z.string(),
            whenUnsatisfiable: z.enum(['ScheduleAnyway', 'DoNotSchedule']),
            labelSelector: Selector,
          }),
        ),
        containers: z.tuple([Container]),
      }),
    }),
  }),
});
export type Deployment = z.infer<typeof Deployment>;

const Service = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: Metadata,
  spec: z.strictObject({
    selector: Labels,
    ports: z.array(z.strictObject({ name: z.string(), port: z.int(), targetPort: PortRef })),
  }),
});

const ServiceAccount = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('ServiceAccount'),
  metadata: Metadata,
  automountServiceAccountToken: z.literal(false),
});

const PodDisruptionBudget = z.strictObject({
  apiVersion: z.literal('policy/v1'),
  kind: z.literal('PodDisruptionBudget'),
  metadata: Metadata,
  spec: z.strictObject({ minAvailable: z.int().min(1), selector: Selector }),
});

const PolicyPorts = z.array(z.strictObject({ port: PortRef, protocol: z.enum(['TCP', 'UDP']).optional() }));
const IpBlock = z.strictObject({
  cidr: z.union([z.cidrv4(), z.cidrv6()]),
  except: z.array(z.union([z.cidrv4(), z.cidrv6()])),
});
const NetworkPolicy = z.strictObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata: Metadata,
  spec: z.strictObject({
    podSelector: Selector,
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
    ingress: z.array(z.strictObject({ ports: PolicyPorts })),
    egress: z
      .array(z.strictObject({ ports: PolicyPorts, to: z.array(z.strictObject({ ipBlock: IpBlock })).optional() }))
      .optional(),
  }),
});

const TriggerAuthentication = z.strictObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('TriggerAuthentication'),
  metadata: Metadata,
  spec: z.strictObject({
    secretTargetRef: z.array(z.strictObject({ parameter: z.string(), name: Name, key: z.string() })),
  }),
});

export const ScaledObject = z.strictObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('ScaledObject'),
  metadata: Metadata,
  spec: z.strictObject({
    scaleTargetRef: NamedRef,
    pollingInterval: z.int().min(1),
    minReplicaCount: z.int().min(2),
    maxReplicaCount: z.int(),
    fallback: z.strictObject({ failureThreshold: z.int(), replicas: z.int() }),
    advanced: z.strictObject({
      horizontalPodAutoscalerConfig: z.strictObject({
        behavior: z.strictObject({ scaleDown: z.strictObject({ stabilizationWindowSeconds: Count }) }),
      }),
    }),
    triggers: z.array(
      z.strictObject({
        type: z.literal('redis'),
        authenticationRef: NamedRef,
        // KEDA takes all of a trigger's metadata as text
        metadata: z.strictObject({ listName: z.string(), listLength: z.string().regex(/^[1-9]\d*$/) }),
      }),
    ),
  }),
});

/** Every kind that our manifests may have. */
export const Manifest = z.discriminatedUnion('kind', [
  Deployment,
  Service,
  ServiceAccount,
  PodDisruptionBudget,
  NetworkPolicy,
  TriggerAuthentication,
  ScaledObject,
]);
export type Manifest = z.infer<typeof Manifest>;
