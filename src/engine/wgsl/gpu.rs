//! One opened GPU: device, memory, compiled kernels, and the commands not yet submitted.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use super::adapters::{self, AdapterInfo, GpuPick};
use super::error::GpuError;
use super::memory::{Buffer, Memory, Pool};
use super::pipelines::Pipelines;
use super::recorder::Recorder;
use super::tuning::Tuning;

/// Written data the driver may hold in staging memory before it is handed over: a large model would be there twice.
const STAGED_BYTES: u64 = 64 << 20;

/// A GPU with a device of its own, apart from the window's: a fault in a computation does not take the window down.
#[derive(Debug)]
pub struct Gpu {
    pub(super) info: AdapterInfo,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    pub(super) pipelines: Pipelines,
    pub(super) tuning: OnceLock<Tuning>,
    /// 10⁹ floating-point operations per second, by the bits of the number; a guess until the device is tuned.
    pub(super) pace: AtomicU32,
    /// Stands where a kernel could read something that is not there.
    pub(super) nothing: Buffer,
    recorder: Mutex<Recorder>,
    pool: Arc<Pool>,
    failure: Arc<Failure>,
    largest_tensor: u64,
    /// How a test that is made once per device went.
    passed: OnceLock<Result<(), String>>,
}

/// What the driver reported since somebody last asked.
#[derive(Debug, Default)]
struct Failure(Mutex<Option<GpuError>>);

impl Failure {
    fn slot(&self) -> MutexGuard<'_, Option<GpuError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first failure tells most: what follows is often its consequence. Only the loss of the device outranks it.
    fn report(&self, error: GpuError) {
        let mut slot = self.slot();
        if slot.is_none() || error.is_lost() {
            *slot = Some(error);
        }
    }
}

/// Devices that models of this process share, by place of the adapter.
static OPENED: LazyLock<Mutex<HashMap<usize, Arc<Gpu>>>> = LazyLock::new(Mutex::default);

impl Gpu {
    /// The shared device of a GPU. One that was lost is opened anew.
    ///
    /// # Errors
    /// In words, if there is no such GPU, or its driver opens no device that suffices.
    pub fn shared(pick: &GpuPick) -> Result<Arc<Self>, String> {
        let (info, adapter) = adapters::find(pick)?;
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gpu) = opened.get(&info.index)
            && gpu.failure().is_ok()
        {
            return Ok(gpu.clone());
        }
        let index = info.index;
        let gpu = Arc::new(Self::open(info, adapter)?);
        opened.insert(index, gpu.clone());
        Ok(gpu)
    }

    /// A device nobody else uses.
    ///
    /// # Errors
    /// Like [`Self::shared`].
    pub fn unshared(pick: &GpuPick) -> Result<Arc<Self>, String> {
        let (info, adapter) = adapters::find(pick)?;
        Ok(Arc::new(Self::open(info, adapter)?))
    }

    fn open(info: AdapterInfo, adapter: &wgpu::Adapter) -> Result<Self, String> {
        let limits = adapter.limits();
        if let Some(lacks) = lacking(&limits) {
            return Err(GpuError::Unsuitable { gpu: info.name, lacks }.to_string());
        }
        let description = wgpu::DeviceDescriptor {
            label: Some("compute"),
            // Nothing depends on it: it only tells how long kernels take.
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: limits.clone(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&description))
            .map_err(|err| format!("{} opens no device: {err}", info.name))?;
        let failure = Arc::new(Failure::default());
        watch(&device, &info.name, &failure);
        let pool = Arc::new(Pool::default());
        let nothing = pool.adopt(create_storage(&device, Pool::size_of(1)));
        Ok(Self {
            recorder: Mutex::new(Recorder::new(&device)),
            largest_tensor: adapters::largest_tensor(&limits),
            passed: OnceLock::new(),
            nothing: Buffer { shape: vec![1], memory: Arc::new(nothing) },
            pipelines: Pipelines::default(),
            tuning: OnceLock::new(),
            pace: AtomicU32::new(Tuning::default().gflops.to_bits()),
            info,
            device,
            queue,
            limits,
            pool,
            failure,
        })
    }

    /// What this GPU is, in words.
    pub fn adapter(&self) -> &AdapterInfo {
        &self.info
    }

    /// The outcome of a test of this device, made the first time somebody asks.
    ///
    /// # Errors
    /// Those of the test.
    pub fn pass_once(self: &Arc<Self>, test: impl FnOnce(&Arc<Self>) -> Result<(), String>) -> Result<(), String> {
        self.passed.get_or_init(|| test(self)).clone()
    }

    /// Ends the device, as a driver does that resets itself.
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// Whether the device is gone; asks the driver.
    pub(super) fn is_lost(&self) -> bool {
        // Only a device that is asked tells of its loss; whatever else it says is for those who wait for results.
        drop(self.device.poll(wgpu::PollType::Poll));
        self.failure.slot().as_ref().is_some_and(GpuError::is_lost)
    }

    /// # Errors
    /// What the driver reported since the last call; a lost device stays lost.
    pub(super) fn failure(&self) -> Result<(), GpuError> {
        let mut slot = self.failure.slot();
        match &*slot {
            Some(lost) if lost.is_lost() => Err(lost.clone()),
            _ => slot.take().map_or(Ok(()), Err),
        }
    }

    /// Everything recorded so far is on its way to the device.
    pub(super) fn submitted(&self) {
        self.pool.count_submission();
    }

    pub(super) fn report(&self, error: GpuError) {
        self.failure.report(error);
    }

    pub(super) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a tensor; its numbers are whatever was there before.
    pub(super) fn buffer(&self, shape: Vec<usize>) -> Result<Buffer, GpuError> {
        self.allocate(shape, Pool::take)
    }

    fn allocate(&self, shape: Vec<usize>, take: fn(&Arc<Pool>, u64) -> Option<Memory>) -> Result<Buffer, GpuError> {
        let bytes = shape.iter().try_fold(4_u64, |product, &n| product.checked_mul(n as u64));
        let Some(bytes) = bytes.filter(|&bytes| bytes <= self.largest_tensor) else {
            return Err(self.too_large(shape, bytes.unwrap_or(u64::MAX)));
        };
        let size = Pool::size_of(bytes);
        let memory = match take(&self.pool, size) {
            Some(memory) => memory,
            None => self.fresh(size)?,
        };
        Ok(Buffer { shape, memory: Arc::new(memory) })
    }

    fn fresh(&self, size: u64) -> Result<Memory, GpuError> {
        self.failure()?;
        let mut buffer = create_storage(&self.device, size);
        if let Err(GpuError::OutOfMemory { .. }) = self.failure() {
            // What other sizes left behind may be enough, once the commands that use it are done.
            self.recorder().submit(self, |_| ());
            self.pool.clear();
            self.wait()?;
            buffer = create_storage(&self.device, size);
        }
        match self.failure() {
            Err(GpuError::OutOfMemory { gpu, .. }) => Err(GpuError::OutOfMemory { gpu, megabytes: size >> 20 }),
            other => other.map(|()| self.pool.adopt(buffer)),
        }
    }

    fn too_large(&self, shape: Vec<usize>, bytes: u64) -> GpuError {
        let limit = self.largest_tensor;
        let one = bytes / (*shape.first().unwrap_or(&1)).max(1) as u64;
        let cure = match limit / one.max(1) {
            fits if fits > 0 && shape.len() > 2 => format!("a batch of {fits} fits"),
            _ => "use a smaller input size, or compute on the CPU (--device cpu)".to_owned(),
        };
        let (gpu, limit_megabytes) = (self.info.name.clone(), limit >> 20);
        GpuError::TooLarge { gpu, shape, megabytes: bytes >> 20, limit_megabytes, cure }
    }

    /// A tensor with these numbers.
    pub(super) fn upload(&self, data: &[f32], shape: &[usize]) -> Result<Buffer, GpuError> {
        if shape.iter().product::<usize>() != data.len() {
            return Err(GpuError::Shape { operation: "upload", shape: shape.to_vec() });
        }
        // A write comes before all that is submitted after it, so before commands that still wait here: they must not
        // use the same memory.
        let buffer = self.allocate(shape.to_vec(), Pool::take_settled)?;
        let mut recorder = self.recorder();
        self.queue.write_buffer(&buffer.memory.buffer, 0, bytemuck::cast_slice(data));
        recorder.staged += buffer.bytes();
        if recorder.staged > STAGED_BYTES {
            recorder.staged = 0;
            self.queue.submit([]);
        }
        Ok(buffer)
    }

    /// The numbers of several tensors, after one wait for the device.
    pub(super) fn read(&self, buffers: &[&Buffer]) -> Result<Vec<Vec<f32>>, GpuError> {
        let numbers = self.recorder().read(self, buffers);
        self.pool.count_read();
        // The cause before the consequence.
        self.failure()?;
        numbers
    }

    /// Waits until everything submitted is done.
    pub(super) fn wait(&self) -> Result<(), GpuError> {
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|err| GpuError::Driver { gpu: self.info.name.clone(), why: err.to_string() })?;
        self.failure()
    }
}

/// What of the limits is too small for the kernels; all of them are within WebGPU's own minimum.
fn lacking(limits: &wgpu::Limits) -> Option<String> {
    let needed = [
        ("storage buffers per stage", limits.max_storage_buffers_per_shader_stage, 6),
        ("invocations per work group", limits.max_compute_invocations_per_workgroup, 256),
        ("bytes of work group memory", limits.max_compute_workgroup_storage_size, 16 << 10),
    ];
    let lack = needed.into_iter().find(|(_, has, needs)| has < needs)?;
    Some(format!("{} {} instead of {}", lack.1, lack.0, lack.2))
}

fn create_storage(device: &wgpu::Device, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    })
}

/// Keeps what goes wrong on the device for the next who asks; by default it would end the program.
fn watch(device: &wgpu::Device, name: &str, failure: &Arc<Failure>) {
    let (gpu, slot) = (name.to_owned(), failure.clone());
    device.on_uncaptured_error(Arc::new(move |error| {
        let gpu = gpu.clone();
        slot.report(match error {
            wgpu::Error::OutOfMemory { .. } => GpuError::OutOfMemory { gpu, megabytes: 0 },
            other => GpuError::Driver { gpu, why: other.to_string() },
        });
    }));
    let (gpu, slot) = (name.to_owned(), failure.clone());
    device.set_device_lost_callback(move |_, why| slot.report(GpuError::Lost { gpu: gpu.clone(), why }));
}
